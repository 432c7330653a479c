"""A third-party client as a process. Its output is shown when a test fails."""

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.logged_process import logged_process
from tests.support.waiting import eventually

END_SECONDS = 5.0
LOG_TAIL = 8_000  # characters


class ForeignClient:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def said(self) -> list[str]:
        """The lines of its output so far."""
        return self._log.read_text(encoding="utf-8", errors="replace").splitlines()

    async def says(self, line: str, within: float) -> None:
        """Wait until that line is in its output."""
        await eventually(f"the client says: {line}", lambda: line in self.said(), within)

    def interrupt(self) -> None:
        """Ctrl-C: it ends its session and then itself."""
        self._process.send_signal(signal.SIGINT)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def leaves(self, within: float = END_SECONDS) -> None:
        """Ctrl-C, and wait until it has ended: what it says last may pass through this process."""
        self.interrupt()
        await self.ends(within)

    async def ends(self, within: float) -> None:
        await eventually("the client has ended", lambda: self._process.poll() is not None, within)


@contextlib.contextmanager
def running_client(command: Sequence[str]) -> Iterator[ForeignClient]:
    """Run `command`. On leaving it is ended, if need be by force."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with logged_process(command, log) as process:
            client = ForeignClient(process, log)
            try:
                yield client
            except BaseException:
                print("\n".join([f"--- {command[0]}", *client.said()])[-LOG_TAIL:], file=sys.stderr)
                raise
            finally:
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(END_SECONDS)
