"""The `roomcast` command.

A process of a plane runs for months: it does not import what only somebody at a terminal needs.
"""

import sys

from deploy import EXIT_REFUSED, hide_rich
from deploy.hidden_memory import hide_memory
from deploy.planes import PLANES
from shared.settings.settings import SettingsError

EXIT_INTERRUPTED = 130  # as shells tell of SIGINT


def main() -> None:
    """The console script. An error that prevents the start is one line on stderr and exit code 2."""
    hide_memory()  # what a command starts hides itself, or gets no secret
    try:
        if len(sys.argv) == 2 and sys.argv[1] in PLANES:
            hide_rich()
            PLANES[sys.argv[1]]()
        else:
            from deploy.commands import app

            app()
    except SettingsError as error:
        print(f"roomcast: {error}", file=sys.stderr)
        sys.exit(EXIT_REFUSED)
    except KeyboardInterrupt:  # before it serves
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
