"""The worker's end of its decoder process: starts it when needed, ends it when it hangs or is idle.

A thread starts it and talks to it. The event loop would copy the worker's page tables for the start, which
takes 32 ms with 600 MB, and wait until the program was found on the disk.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import BinaryIO

from media.recording.disk_threads import DiskThreads
from media.stills.job import HEAD, MAX_OUTCOME_BYTES, JobError, Keyframe, Outcome, packed, read_outcome
from shared.telemetry.logging import get_logger

# -P: modules are not those of the working directory, which may be the folder of recordings
COMMAND = (sys.executable, "-P", "-m", "media.stills.decoder")
# By the wall, for a machine that is busy with media, which goes first. Its own limit is of CPU time.
PATIENCE_SECONDS = 30.0
_KEPT = ("PYTHONPATH", "PYTHONSAFEPATH", "LD_LIBRARY_PATH")  # of the environment, which has secrets

log = get_logger()


class DecoderDiedError(Exception):
    """The process has ended over a keyframe, or cannot be started."""


class DecoderSlowError(DecoderDiedError):
    """The process did not answer in time. That says nothing of the keyframe: media may need all cores."""


class DecoderProcess:
    """Runs at most one process, with one keyframe at a time. `close` ends it; the next keyframe starts it."""

    def __init__(self, command: tuple[str, ...] = COMMAND, patience: float = PATIENCE_SECONDS) -> None:
        self._command = command
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = DiskThreads("decoder", 1)

    @property
    def pid(self) -> int | None:
        """None while there is no process."""
        return None if self._process is None else self._process.pid

    async def outcome(self, keyframe: Keyframe) -> Outcome:
        """Raises `DecoderDiedError`; the next call begins with a new process. One call at a time."""
        try:
            async with asyncio.timeout(self._patience):
                process = await self._thread.call(self._started)
                return await self._thread.call(_ask, process, packed(keyframe))
        except BaseException as error:
            await self.close()
            if isinstance(error, TimeoutError):
                raise DecoderSlowError("the decoder did not answer in time") from None
            if isinstance(error, OSError | EOFError | JobError):
                raise DecoderDiedError(str(error) or type(error).__name__) from error
            raise

    async def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await self._thread.call(_end, process)

    def _started(self) -> subprocess.Popen[bytes]:
        """The process that runs: perhaps one that came too late for the keyframe before."""
        if self._process is None:
            self._process = start(self._command, PIPE)
        return self._process


def start(command: Sequence[str], source: BinaryIO | int) -> subprocess.Popen[bytes]:
    """A process that decodes what `source` gives it."""
    return subprocess.Popen(  # noqa: S603 (our own command)
        command,
        stdin=source,
        stdout=PIPE,
        stderr=DEVNULL,  # which decoders fill with what a stranger has sent
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
        start_new_session=True,  # a terminal's Ctrl-C is for the worker
    )


def _ask(process: subprocess.Popen[bytes], message: bytes) -> Outcome:
    """Waits until the process has answered, or was killed."""
    assert process.stdin is not None
    process.stdin.write(message)
    process.stdin.flush()
    cpu_seconds, length = HEAD.unpack(_read(process, HEAD.size))
    if length > MAX_OUTCOME_BYTES:
        raise JobError("an outcome that is too long")
    return read_outcome(_read(process, length), cpu_seconds)


def _read(process: subprocess.Popen[bytes], length: int) -> bytes:
    assert process.stdout is not None
    data = process.stdout.read(length)
    if len(data) < length:
        raise EOFError("the decoder has ended")
    return data


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(BrokenPipeError), process:  # of what it has not taken
        pass  # its pipes are closed, and it is waited for
