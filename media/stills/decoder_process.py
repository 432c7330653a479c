"""The worker's end of its decoder process: starts it when needed, ends it when it hangs or is idle."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

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
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """None while there is no process."""
        return None if self._process is None else self._process.pid

    async def outcome(self, keyframe: Keyframe) -> Outcome:
        """Raises `DecoderDiedError`; the next call begins with a new process. One call at a time."""
        try:
            async with asyncio.timeout(self._patience):
                if self._process is None:
                    self._process = await self._started()
                return await self._ask(self._process, packed(keyframe))
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
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _started(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # which decoders fill with what a publisher sends
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            start_new_session=True,  # a terminal's Ctrl-C is for the worker
        )

    async def _ask(self, process: Process, message: bytes) -> Outcome:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdin.is_closing():  # uvloop raises RuntimeError for that
            raise BrokenPipeError("the decoder has ended")
        process.stdin.write(message)
        await process.stdin.drain()
        cpu_seconds, length = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
        if length > MAX_OUTCOME_BYTES:
            raise JobError("an outcome that is too long")
        return read_outcome(await process.stdout.readexactly(length), cpu_seconds)
