"""The command line, the launcher of `roomcast up`, and everything to deploy with."""

import sys

EXIT_REFUSED = 2  # a wrong setting or a port in use: a restart would not help


def hide_rich() -> None:
    """For a process that runs for months, before its imports: nothing in it finds rich, or pygments.

    structlog and httpx import them where they are installed, for tracebacks and a command line that nobody
    sees: 15 MB of a system at rest (decision 41).
    """
    for unused in ("rich", "pygments"):
        sys.modules[unused] = None  # type: ignore[assignment]
