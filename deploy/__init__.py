"""The command line, the launcher of `roomcast up`, and everything to deploy with."""

import sys

EXIT_REFUSED = 2  # a wrong setting or a port in use: a restart would not help


def hide_rich() -> None:
    """For a process that runs for months, before its imports: nothing in it finds rich.

    structlog and httpx import that where it is installed, for tracebacks and a command line that nobody sees:
    15 MB of a system at rest (decision 41).
    """
    sys.modules["rich"] = None  # type: ignore[assignment]
