"""A recorded room whose publisher is killed and comes back."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from media.rooms import room_recording
from media.rooms.room import Room
from tests.integration.recording.stage import by_suffix
from tests.support.live_publisher import LivePublisher, Programme
from tests.support.recorded import read
from tests.support.system import running_system
from tests.support.waiting import eventually

ROOM = "recorded"
IN_TIME = 15.0
LIFE_SECONDS = 4.0
SYNC_SECONDS = 0.060


async def test_the_files_of_a_room_go_on_with_its_next_publisher(redis_url: str, tmp_path: Path) -> None:
    programme = Programme()
    async with running_system(redis_url, RECORD_ENABLED="1", RECORD_DIR=str(tmp_path)) as system:
        began = time.monotonic()
        for life in range(2):
            publisher = LivePublisher(system.http, system.whip(ROOM), programme, seed=life)
            await publisher.start(IN_TIME)
            await asyncio.sleep(LIFE_SECONDS)  # as long as its files are to be
            if life == 0:
                publisher.kill()
        lasted = time.monotonic() - began
        assert (await system.http.delete(publisher.session_url)).status_code == 200
        publisher.kill()
        await system.room_gone(ROOM, IN_TIME)

        def complete() -> bool:
            return bool(by_suffix(tmp_path).keys() >= {"webm", "ivf", "ogg"})

        await eventually("the files are there", complete, IN_TIME)
    files = by_suffix(tmp_path)  # the worker has ended, and its files with it
    assert {suffix: len(paths) for suffix, paths in files.items()} == {"webm": 1, "ivf": 1, "ogg": 1}
    recorded = await asyncio.to_thread(read, files["webm"][0])
    assert abs(recorded.seconds - lasted) < 1.5
    assert recorded.longest_gap > 2.0
    assert recorded.starts["video"] < 1.0
    assert len(recorded.flashes) >= 2 * (LIFE_SECONDS - 2)
    assert recorded.worst_offset() < SYNC_SECONDS


class Recordings:
    """Stands for the recorder; notes what it opened."""

    def __init__(self) -> None:
        self.opened: list[Any] = []

    def open(self, *_: object, **__: object) -> Any:
        recording = SimpleNamespace(failure=None, closed=False)
        recording.close = lambda: setattr(recording, "closed", True)
        self.opened.append(recording)
        return recording


@pytest.mark.parametrize(
    ("happens", "codecs_changed", "goes_on"),
    [
        (lambda recording: None, False, True),
        (lambda recording: None, True, False),
        (lambda recording: setattr(recording, "failure", "the disk was full"), False, True),
        (lambda recording: setattr(recording, "failure", "the disk was full"), True, False),
    ],
    ids=["the same codecs", "other codecs", "while it fails", "other codecs while it fails"],
)
def test_a_recording_goes_on_or_begins_again(
    happens: Callable[[Any], None], codecs_changed: bool, goes_on: bool
) -> None:
    recordings: Any = Recordings()
    feed, publisher = SimpleNamespace(tap=None), SimpleNamespace(reported=None)
    room: Any = SimpleNamespace(
        name=ROOM, tracks=[], origin=None, feed=feed, publisher=publisher, warnings=[], recording=None
    )
    room.record = partial(Room.record, room)
    room_recording.begin(room, recordings)
    (first,) = recordings.opened
    happens(first)
    room_recording.succeed(room, recordings, codecs_changed=codecs_changed)
    assert (room.recording is first) == goes_on
    assert first.closed != goes_on
    assert feed.tap is room.recording is recordings.opened[-1]
