"""A live stream is recorded until the disk is full; the disk is freed, and the stream never notices."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from media.rtp.packet import parse
from tests.integration.recording.stage import by_suffix
from tests.support.disk import small_disk
from tests.support.live_publisher import SDP, LivePublisher, Programme
from tests.support.peer import Peer
from tests.support.recorded import read
from tests.support.system import System, running_system
from tests.support.waiting import eventually

ROOM = "full"
FULL = "recording stopped: No space left on device"
IN_TIME = 30.0
DISK_BYTES, LEFT_BYTES = 8_000_000, 80_000
RESTART_SECONDS = 8.0  # 2 s between trials, 1 s to the next keyframe, and a busy machine
RECORDED_SECONDS = 4.0  # of the new files
SYNC_SECONDS = 0.150  # e2e/test_recording.py measures it alone; here the publisher may be short of CPU
LONGEST_PAUSE = 1.0
LOOK_SECONDS, CHECK_SECONDS = 0.02, 2.0


class Viewer:
    """Watches the stream, and when packets come."""

    def __init__(self) -> None:
        self.peer = Peer(publishes=False)
        self.longest_pause = 0.0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            self.peer.close()

    async def _watch(self) -> None:
        count, since = 0, time.monotonic()
        checked = since
        while True:
            now = time.monotonic()
            if len(self.peer.rtp) > count:
                count, since = len(self.peer.rtp), now
            self.longest_pause = max(self.longest_pause, now - since)
            if now - checked > CHECK_SECONDS:  # a client that is not heard any more is ended
                checked = now
                await self.peer.check()
            await asyncio.sleep(LOOK_SECONDS)

    def gaps(self) -> list[tuple[int, int]]:
        """The numbers before and after what is missing, of sound and picture."""
        numbers: dict[int, list[int]] = {}
        for data in self.peer.rtp:
            packet = parse(data)
            numbers.setdefault(packet.ssrc, []).append(packet.sequence)
        assert len(numbers) == 2
        return [
            (before, after)
            for one in numbers.values()
            for before, after in pairwise(one)
            if after != before + 1 & 0xFFFF
        ]


async def warnings(system: System) -> list[str]:
    room = (await system.http.get(f"{system.controls[0].url}/api/rooms/{ROOM}")).json()
    return list(room["warnings"])


async def metric(system: System, name: str) -> float:
    text = (await system.http.get(f"{system.workers[0].url}/metrics")).text
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[1])


# It measures pauses of a stream that the same host encodes: on a busy one they are the encoder's.
# What becomes of recordings on a full disk that is freed, and that a disk holds up no packet, is promised
# by test_recorder.py, test_restart.py and test_bad_disk.py.
@pytest.mark.soak
@pytest.mark.parametrize("full_seconds", [2.5, 20.0])
async def test_a_disk_that_is_full_and_freed_costs_the_stream_nothing(
    redis_url: str, tmp_path: Path, full_seconds: float
) -> None:
    programme, viewer = Programme(), Viewer()
    with small_disk(tmp_path / "disk", DISK_BYTES) as folder:
        ballast = folder / ".ballast"
        ballast.write_bytes(bytes(DISK_BYTES - LEFT_BYTES))
        async with running_system(redis_url, RECORD_ENABLED="1", RECORD_DIR=str(folder)) as system:
            publisher = LivePublisher(system.http, system.whip(ROOM), programme, seed=1)
            await publisher.start(IN_TIME)
            answer = await system.http.post(system.whep(ROOM), content=viewer.peer.offer(), headers=SDP)
            await viewer.peer.connect(answer.text)
            await eventually("the viewer sees it", lambda: viewer.peer.rtp, IN_TIME)
            with viewer.watching():

                async def is_full() -> bool:
                    return await warnings(system) == [FULL]

                await eventually("the disk is full", is_full, IN_TIME)
                old = {path for paths in by_suffix(folder).values() for path in paths}
                seen, asked = len(viewer.peer.rtp), publisher.keyframes_asked
                await asyncio.sleep(full_seconds)  # as long as the disk stays full
                assert len(viewer.peer.rtp) > seen + 50 * full_seconds
                assert await is_full()
                assert await metric(system, "roomcast_recordings_failing") == 1
                ballast.unlink()

                def new_files() -> bool:
                    new = set(by_suffix(folder).get("webm", [])) - old
                    return bool(new)

                await eventually("new files begin", new_files, RESTART_SECONDS)
                await asyncio.sleep(RECORDED_SECONDS)  # as long as the new files are to be
                assert await warnings(system) == []
                assert await metric(system, "roomcast_recordings_failing") == 0
                assert await metric(system, "roomcast_recording_failures_total") == 1
                assert await metric(system, "roomcast_recording_restarts_total") == 1
                assert publisher.keyframes_asked > asked
                log = system.workers[0].log.read_text(encoding="utf-8")
                assert log.count('"recording stopped"') == log.count('"recording started again"') == 1
            publisher.kill()
        assert viewer.gaps() == []
        assert viewer.longest_pause < LONGEST_PAUSE
        files = by_suffix(folder)
        assert {suffix: len(paths) for suffix, paths in files.items()} == {"webm": 2, "ivf": 2, "ogg": 2}
        for paths in files.values():
            assert paths[0] in old
            assert all([(await asyncio.to_thread(read, path)).seconds > 1.0 for path in paths])
        new = await asyncio.to_thread(read, files["webm"][1])
        assert new.seconds > RECORDED_SECONDS - 1.0
        assert new.worst_offset() < SYNC_SECONDS
        assert new.longest_gap < LONGEST_PAUSE
