"""A recorded room whose publisher is killed and comes back."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from media.rooms.room import Room

ROOM = "recorded"


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
    room.begin_recording = partial(Room.begin_recording, room)
    room.begin_recording(recordings)
    (first,) = recordings.opened
    happens(first)
    Room.continue_recording(room, recordings, codecs_changed=codecs_changed)
    assert (room.recording is first) == goes_on
    assert first.closed != goes_on
    assert feed.tap is room.recording is recordings.opened[-1]
