"""A third-party publisher as a process. Its output is shown when a test fails."""

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

from deploy.tether import tethered

END_SECONDS = 5.0
LOG_TAIL = 8_000  # characters


class ForeignClient:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def interrupt(self) -> None:
        """Ctrl-C: it ends its session and then itself."""
        self._process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def running_client(command: Sequence[str]) -> Iterator[ForeignClient]:
    """Run `command`. On leaving it is ended, if need be by force."""
    with tempfile.TemporaryFile("w+b") as log:
        process = subprocess.Popen(
            tethered(command), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield ForeignClient(process)
        except BaseException:
            log.seek(0)
            print(f"--- {command[0]}\n{log.read().decode(errors='replace')[-LOG_TAIL:]}", file=sys.stderr)
            raise
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
