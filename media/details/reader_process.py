"""The worker's end of the process that reads a recording: one for each file, and never for long."""

import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import BinaryIO

from media.details.contents import MAX_CONTENTS_BYTES, NOTHING, Contents, read_contents
from media.stills.decoder_process import PATIENCE_SECONDS, start

# -P: modules are not those of the working directory, which may be the folder of recordings
COMMAND = (sys.executable, "-P", "-m", "media.details.reader")
END_SECONDS = 1.0  # for one that has closed its output, and for one that was killed
# The machine stops, has no memory, or this worker has ended it. Its limit of CPU time has another signal.
_NOT_BY_THE_FILE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class ReaderGoneError(OSError):
    """The process did not answer in time, or was ended. That says nothing of the file."""


class ReaderProcess:
    """`contents` is called in one thread at a time, and waits there; `stop` ends it from any other."""

    def __init__(self, command: tuple[str, ...] = COMMAND, patience: float = PATIENCE_SECONDS) -> None:
        self._command = command
        self._patience = patience
        self._lock = threading.Lock()  # of the two that follow
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def contents(self, file: BinaryIO, suffix: str, *, with_pictures: bool, whole: bool = True) -> Contents:
        """What an open file holds: `NOTHING` if it cannot be read, or breaks its reader.

        Not `whole`: it has a hole in its middle.

        Raises `OSError` when the process cannot be started, and `ReaderGoneError`.
        """
        with self._lock:
            if self._stopped:
                raise ReaderGoneError("stopped")
            how = [str(int(each)) for each in (with_pictures, whole)]
            process = self._process = start([*self._command, suffix, *how], file)
        assert process.stdout is not None
        timer = threading.Timer(self._patience, self._kill)
        timer.daemon = True
        timer.start()
        try:
            output = process.stdout.read(MAX_CONTENTS_BYTES + 1)
        finally:
            timer.cancel()
            status = self._ended(process)
        if -status in _NOT_BY_THE_FILE:
            raise ReaderGoneError("a recording was not read in time")
        return read_contents(output) if status == 0 else NOTHING

    def stop(self) -> None:
        """For good."""
        with self._lock:
            self._stopped = True
        self._kill()

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        """How the process ended; it has closed its output, or says too much."""
        assert process.stdout is not None
        process.stdout.close()
        try:
            return process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            return -signal.SIGKILL
        finally:
            with self._lock:
                self._process = None

    def _kill(self) -> None:
        with self._lock:
            if self._process is not None:
                self._process.kill()
