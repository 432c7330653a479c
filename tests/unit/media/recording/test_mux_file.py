"""When a part of the one file begins, what is in it, and what ends it. The container is a stand-in."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from media.payload.picture import Setup
from media.recording import mux_file as module
from media.recording.frame import Frame
from media.recording.limits import ChangeAllowance, Limits
from media.recording.mux_file import CLEAR_SECONDS, COMPANY_SECONDS, PICTURE_SECONDS, MuxFile
from media.recording.timeline import Placed
from shared.names import RoomName
from tests.support.published import sound, video

PICTURE, OTHER, SOUND = 0, 1, 2
WIDE, TALL = Setup(320, 180), Setup(180, 320)


class Part:
    """What was written into it: the track, and its time in milliseconds."""

    def __init__(self, file: Any, codecs: Mapping[int, Any], setups: Mapping[int, Setup]) -> None:
        self.file, self.codecs, self.setups = file, codecs, dict(setups)
        self.held = self.tabled = 0
        self.written: list[tuple[int, int]] = []
        self.fails = False

    def has(self, number: int) -> bool:
        return number in self.codecs

    def write(self, number: int, seconds: float, frame: Frame) -> None:
        self.written.append((number, round(seconds * 1000)))

    def close(self) -> None:
        if self.fails:
            raise OSError(28, "No space left on device")


class World:
    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        limits: Limits | None = None,
        codec: str = "VP8",
        videos: tuple[int, ...] = (PICTURE,),
    ) -> None:
        self.parts: list[Part] = []
        self.ended: list[Any] = []
        self.changes = ChangeAllowance(RoomName("demo"))
        monkeypatch.setattr(module, "MuxPart", self._part)
        codecs = {number: video(codec).codec for number in videos} | {SOUND: sound().codec}
        self.file = MuxFile(
            codecs,
            frozenset(videos),
            limits or Limits(),
            self.changes,
            lambda suffix, _: SimpleNamespace(suffix=suffix, removed=False, size=0),  # type: ignore[arg-type,return-value]
            self.ended.append,
        )

    def _part(self, *how: Any) -> Part:
        self.parts.append(Part(*how))
        return self.parts[-1]

    def write(self, seconds: float, number: int, setup: Setup | None = None, *, size: int = 1) -> None:
        self.file.write(Placed(seconds, number, Frame(0, bytes(size), setup), 100.0 + seconds))

    def begin(self) -> Part:
        """A part with sound and picture, since 10 s."""
        self.write(10.0, PICTURE, WIDE)
        self.write(10.0, SOUND)
        self.write(10.04, PICTURE)
        (part,) = self.parts
        return part


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


# --- its beginning


def test_a_part_begins_when_all_have_come_and_the_pace_of_the_picture_is_known(world: World) -> None:
    world.write(10.01, PICTURE, WIDE)
    world.write(10.0, SOUND)
    assert not world.parts
    assert world.file.held == 2
    world.write(10.05, PICTURE)
    (part,) = world.parts
    assert part.written == [(SOUND, 0), (PICTURE, 10), (PICTURE, 50)]
    assert (part.file.suffix, set(part.codecs), part.setups) == ("webm", {PICTURE, SOUND}, {PICTURE: WIDE})
    assert world.file.held == 0
    world.write(10.02, SOUND)
    assert part.written[-1] == (SOUND, 20)


def test_the_next_part_needs_no_second_picture(world: World) -> None:
    world.begin()
    world.file.close()
    world.write(12.0, SOUND)
    world.write(12.1, PICTURE, WIDE)
    assert world.parts[1].written == [(SOUND, 0), (PICTURE, 100)]


def test_a_keyframe_does_not_wait_long_for_company(world: World) -> None:
    world.write(10.0, PICTURE, WIDE)
    world.file.poll(110.0 + COMPANY_SECONDS - 0.01)
    assert not world.parts
    world.file.poll(110.0 + COMPANY_SECONDS)
    assert world.parts[0].written == [(PICTURE, 0)]
    assert set(world.parts[0].codecs) == {PICTURE, SOUND}  # it may come yet
    world.file.poll(200.0)
    assert len(world.parts) == 1


def test_sound_waits_for_a_picture_and_then_has_a_file_of_its_own(world: World) -> None:
    for tenth in range(30):
        world.write(10.0 + tenth / 10, SOUND)
    assert not world.parts
    world.write(10.0 + PICTURE_SECONDS, SOUND)
    (part,) = world.parts
    assert len(part.written) == 31
    assert set(part.codecs) == {SOUND}
    world.write(13.1, PICTURE)  # no part can begin with that
    assert len(part.written) == 31
    world.write(13.2, PICTURE, WIDE)
    assert world.ended == [part.file]
    world.write(13.2, SOUND)
    world.write(13.3, PICTURE)
    assert world.parts[1].written == [(PICTURE, 0), (SOUND, 0), (PICTURE, 100)]


def test_what_waits_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HELD_BYTES", 1000)
    world.write(10.0, SOUND, size=1000)
    assert world.file.held == 1000
    assert not world.parts
    world.write(10.0, SOUND)
    assert world.parts[0].written == [(SOUND, 0), (SOUND, 0)]


def test_of_two_pictures_both_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, videos=(PICTURE, OTHER))
    world.write(10.0, PICTURE, WIDE)
    world.write(10.0, SOUND)
    world.write(10.1, PICTURE)
    world.write(11.0, PICTURE)
    assert not world.parts
    world.write(11.0, OTHER, TALL)
    assert world.parts[0].setups == {PICTURE: WIDE, OTHER: TALL}


def test_what_comes_before_it_ends_is_written(world: World) -> None:
    world.file.end()
    assert not world.parts
    world.write(10.0, PICTURE, WIDE)
    world.file.end()
    (part,) = world.parts
    assert part.written == [(PICTURE, 0)]
    assert world.ended == [part.file]
    world.file.end()
    assert len(world.parts) == 1


# --- its end


def test_a_part_that_is_long_enough_ends_with_a_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Limits(seconds=2.0))
    part = world.begin()
    world.write(11.99, PICTURE, WIDE)
    assert not world.file.is_due
    assert not world.file.wants_keyframe(0.0)
    world.write(12.0, PICTURE)
    world.write(12.0, SOUND)
    assert world.file.is_due
    assert world.file.wants_keyframe(0.0)
    assert not world.ended
    world.write(12.04, PICTURE, WIDE)
    assert world.ended == [part.file]
    assert not world.file.is_due


def test_a_part_of_sound_alone_ends_with_any_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Limits(seconds=5.0))
    for second in (10.0, 13.0, 14.9):
        world.write(second, SOUND)
    assert len(world.parts) == 1
    assert not world.ended
    world.write(15.0, SOUND)
    assert world.ended == [world.parts[0].file]


def test_where_no_picture_comes_any_more_sound_ends_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Limits(seconds=5.0))
    part = world.begin()
    for second in (15.0, 15.1):  # a picture may be on its way
        world.write(second - PICTURE_SECONDS, PICTURE)
        world.write(second - 0.01, SOUND)
    assert world.file.is_due
    assert not world.ended
    world.write(15.2, SOUND)
    assert world.ended == [part.file]


def test_when_one_of_two_pictures_begins_a_part_the_other_is_asked_for_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, codec="H264", videos=(PICTURE, OTHER))
    for number, setup in ((PICTURE, WIDE), (OTHER, TALL), (SOUND, None)):
        world.write(10.0, number, setup)
        world.write(10.1, number)
    assert not world.file.wants_keyframe(110.1)
    world.write(11.0, PICTURE, TALL)  # it has changed its size
    world.write(11.0, OTHER)
    assert world.file.wants_keyframe(111.0)
    world.write(11.2, OTHER, TALL)
    assert not world.file.wants_keyframe(111.2)
    world.write(11.2, PICTURE)
    world.write(11.3, SOUND)
    assert world.parts[-1].setups == {PICTURE: TALL, OTHER: TALL}
    assert not world.file.wants_keyframe(111.3)


def test_a_picture_that_a_part_lacks_is_asked_for_a_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, codec="H264", videos=(PICTURE, OTHER))
    for number, setup in ((PICTURE, WIDE), (SOUND, None)):
        world.write(10.0, number, setup)
    world.file.poll(110.0 + PICTURE_SECONDS)
    assert world.parts[0].setups == {PICTURE: WIDE}
    world.parts[0].codecs = {PICTURE: None, SOUND: None}
    world.write(13.1, OTHER)
    assert world.file.wants_keyframe(113.1)


def test_a_file_that_somebody_deletes_is_followed_by_another(world: World) -> None:
    part = world.begin()
    part.file.removed = True
    assert world.file.wants_keyframe(0.0)
    world.write(10.1, PICTURE, WIDE)
    assert world.ended == [part.file]


def test_a_part_that_cannot_be_closed_is_told_too(world: World) -> None:
    part = world.begin()
    part.fails = True
    with pytest.raises(OSError, match="No space"):
        world.file.close()
    assert world.ended == [part.file]
    world.file.close()
    assert world.ended == [part.file]


def test_a_muxer_that_holds_too_much_is_ended_until_a_keyframe(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HELD_BYTES", 1000)
    part = world.begin()
    part.held = 1000
    world.write(10.1, PICTURE)
    assert not world.ended
    part.held = 1001
    world.write(10.2, PICTURE)
    assert world.ended == [part.file]
    assert world.file.wants_keyframe(0.0)
    world.write(10.3, PICTURE)  # it refers to what is in the part before
    assert world.file.held == 0
    world.write(10.4, PICTURE, WIDE)
    assert world.file.held == 1
    assert not world.file.wants_keyframe(0.0)


def test_a_part_whose_table_is_large_ends_with_a_keyframe_or_at_twice_that(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TABLED", 1000)
    first = world.begin()
    first.tabled = 999
    assert not world.file.wants_keyframe(0.0)
    first.tabled = 1000
    assert world.file.wants_keyframe(0.0)
    world.write(10.1, PICTURE)
    assert not world.ended
    world.write(10.2, PICTURE, WIDE)
    assert world.ended == [first.file]
    world.write(10.2, SOUND)
    second = world.parts[1]
    second.tabled = 2000
    world.write(10.3, SOUND)
    assert world.ended == [first.file, second.file]


# --- a stream that changes


def test_a_change_that_the_container_cannot_hold_begins_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, codec="H264")
    part = world.begin()
    assert part.file.suffix == "mp4"
    world.write(10.1, PICTURE, WIDE)
    assert not world.ended
    world.write(10.2, PICTURE, TALL)
    assert world.ended == [part.file]
    left = [world.changes.take(110.2) for _ in range(ChangeAllowance.BURST)]
    assert left.count(True) == ChangeAllowance.BURST - 1


def test_webm_holds_any_change(world: World) -> None:
    world.begin()
    world.write(10.2, PICTURE, TALL)
    assert not world.ended


def test_pictures_are_left_out_when_the_stream_changes_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, codec="H264")
    part = world.begin()
    while world.changes.take(110.2):
        pass
    refused = world.changes.refused
    world.write(10.2, PICTURE, TALL)
    assert world.changes.refused == refused + 1
    assert not world.ended
    written = len(part.written)
    world.write(10.3, PICTURE)
    assert len(part.written) == written
    world.write(10.3, SOUND)
    assert part.written[written:] == [(SOUND, 300)]
    assert not world.file.wants_keyframe(110.3)
    assert world.file.wants_keyframe(110.3 + ChangeAllowance.SECONDS)
    world.write(10.4, PICTURE, WIDE)  # that fits again
    world.write(10.5, PICTURE)
    assert part.written[-2:] == [(PICTURE, 400), (PICTURE, 500)]


def test_a_change_while_frames_wait_makes_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, codec="H264")
    world.write(10.0, PICTURE, WIDE)
    world.write(10.1, PICTURE)
    world.write(10.2, PICTURE, TALL)
    assert [part.setups for part in world.parts] == [{PICTURE: WIDE}]
    assert world.parts[0].written == [(PICTURE, 0), (PICTURE, 100)]
    assert world.ended == [world.parts[0].file]
    world.write(10.2, SOUND)
    assert world.parts[1].setups == {PICTURE: TALL}


# --- where the first picture stands


@pytest.mark.parametrize(
    ("first", "pace", "moved"),
    [
        (0.0, 0.0, 0.0),
        (0.02, 0.0, 0.0),
        (0.0, 0.04, 0.0),
        (0.02, 0.04, CLEAR_SECONDS),
        (0.10, 0.04, CLEAR_SECONDS),
        (0.0205, 0.04, CLEAR_SECONDS / 2),
        (0.0195, 0.04, 3 * CLEAR_SECONDS / 2),
        (0.0215, 0.04, 0.0),
        (0.0185, 0.04, 0.0),
    ],
)
def test_a_first_picture_is_not_half_a_pace_off(first: float, pace: float, moved: float) -> None:
    assert module._clear_of_half(first, pace) == pytest.approx(moved)


def test_a_track_keeps_in_a_part_the_place_of_its_first_picture(world: World) -> None:
    world.write(10.0, SOUND)
    world.write(10.02, PICTURE, WIDE)
    world.write(10.06, PICTURE)
    world.write(10.10, PICTURE)
    world.write(10.10, SOUND)
    written = world.parts[0].written
    assert [at for number, at in written if number == PICTURE] == [21, 61, 101]
    assert [at for number, at in written if number == SOUND] == [0, 100]
