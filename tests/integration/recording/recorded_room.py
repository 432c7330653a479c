"""A recorder that runs, and a room without a worker that it records."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from media.recording.recorder import Recorder
from media.recording.recording import Recording
from media.tracks.source_report import SourceReport
from shared.names import RoomName
from shared.settings.settings import load_settings
from tests.integration.recording.stage import room_tracks
from tests.support.rtp_source import Numbering, Sent, merged
from tests.support.waiting import eventually

WITHIN = 30.0
Streams = tuple[list[Sent], list[Sent]]  # sound and picture
STREAM_SECONDS = 3.0
FAST, STEADY = 0.002, 0.1  # seconds between two sends of the stream: to fill a disk soon, or not at all


class Room:
    """What a room gives its recording, and what it hears from it."""

    def __init__(self, recorder: Recorder, *codecs: str) -> None:
        self.warnings: list[str] = []  # that hold at present
        self.warned: list[str] = []  # ever
        self.keyframes_wanted = 0
        self._reports: dict[int, SourceReport] = {}
        self._numberings = [Numbering(track) for track in range(len(codecs))]
        self.recording: Recording = recorder.open(
            RoomName("demo"),
            room_tracks(*codecs),
            reported=self._reports.get,
            want_keyframe=self._want_keyframe,
            warn=self._warn,
        )

    def _want_keyframe(self, _: int) -> None:
        self.keyframes_wanted += 1

    def _warn(self, text: str, holds: bool) -> None:
        if not holds:
            self.warnings.remove(text)
        elif text not in self.warnings:
            self.warnings.append(text)
            self.warned.append(text)

    def send(self, *tracks: list[Sent]) -> None:
        for track, sent in merged(*tracks):
            packet = self._numberings[track].run(sent.data)
            self._reports.setdefault(track, SourceReport(1, 4_000.0 + sent.at, packet.timestamps()[0], 0))
            self.recording.take(packet)

    async def send_until(self, done: Callable[[], Any], *tracks: list[Sent], every: float = FAST) -> None:
        """Send over and over, as a publisher that does not know, until `done`."""

        def send() -> bool:
            if done():
                return True
            self.send(*tracks)
            self.recording.tick(time.monotonic())
            self._numberings = [
                Numbering(track, index=numbering.run(sents[-1].data).first + 1)
                for track, (numbering, sents) in enumerate(zip(self._numberings, tracks, strict=True))
            ]
            return False

        await eventually("it is done", send, WITHIN, every)

    async def close(self) -> None:
        self.recording.close()
        await self.recording.complete


@contextlib.asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[Recorder]:
    recorder = Recorder(load_settings(record_enabled=True, record_dir=str(folder), **settings))
    task = asyncio.create_task(recorder.run())
    try:
        yield recorder
    except BaseException:  # the test has failed, and has perhaps not closed its recording
        task.cancel()
        raise
    await recorder.rest()
    task.cancel()
    await recorder.finish()
    with contextlib.suppress(asyncio.CancelledError):
        await task
