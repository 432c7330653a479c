"""When a room's picture is made, what it may cost, and what hostile rooms cannot do to the others."""

import asyncio
from collections.abc import Callable
from time import monotonic

import pytest

from media.rooms.policy import Policy
from media.rooms.rooms import Rooms
from media.sessions.end_reason import EndReason
from media.stills.decoder_process import DecoderDiedError, DecoderSlowError
from media.stills.job import Keyframe, Outcome
from media.stills.stills import (
    CPU_SHARE,
    FAILED_SECONDS,
    LOOK_SECONDS,
    RENEW_SECONDS,
    UNSEEN_RENEW_SECONDS,
    Stills,
)
from shared.errors import ErrorCode, ServiceError
from shared.messages.room_settings import RoomSettings
from shared.messages.stills import WIDTHS, GetStill
from shared.names import RoomName
from tests.support.meanwhile import meanwhile
from tests.support.still_room import keyframe_payloads, new_rooms, open_room, send_picture

KEYFRAME_SECONDS = 2.0
PICTURES_A_LOOK = 25


class ScriptedDecoder:
    """Takes `cost` seconds of CPU for a picture; keyframes with `hostile` in them kill it."""

    def __init__(self) -> None:
        self.cost = 0.01
        self.hostile: Callable[[Keyframe], bool] = lambda _: False
        self.slow = False
        self.done: list[Keyframe] = []
        self.closed = 0

    async def outcome(self, keyframe: Keyframe) -> Outcome:
        self.done.append(keyframe)
        if self.slow:
            raise DecoderSlowError("no answer")
        if self.hostile(keyframe):
            raise DecoderDiedError("killed")
        return Outcome(self.cost, {width: b"%d of %d" % (width, len(self.done)) for width in WIDTHS})

    async def close(self) -> None:
        self.closed += 1


class Stage:
    """Rooms that send a keyframe every two seconds, and time that a test lets pass."""

    def __init__(self) -> None:
        self.now = 100.0
        self.wanted: dict[str, bool | None] = {}  # what is set for rooms
        policy = Policy(lambda room: RoomSettings(room=room, stills=self.wanted.get(room)))
        self.rooms: Rooms = new_rooms(policy)
        self.decoder = ScriptedDecoder()
        self.stills = Stills(self.rooms, self.decoder, lambda: self.now, lambda: 1000 + self.now)  # type: ignore[arg-type]
        self.payloads: dict[str, tuple[bytes, ...]] = {}

    def open(self, name: str, *payloads: bytes) -> None:
        open_room(self.rooms, name)
        self.payloads[name] = payloads or keyframe_payloads("VP8")

    async def get(self, name: str, width: int = 320) -> bytes | None:
        try:
            return (await self.stills.get(GetStill(room=name, width=width))).jpeg
        except ServiceError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return None

    async def pass_seconds(self, seconds: float, *, keyframes: bool = True, looked_at: str = "") -> None:
        until = self.now + seconds
        while self.now < until:
            if keyframes and self.now % KEYFRAME_SECONDS < LOOK_SECONDS:
                for name in list(self.rooms.names()):
                    room = self.rooms.find(name)
                    assert room is not None
                    send_picture(room, self.payloads[name], self.now)
            if looked_at:
                await self.get(looked_at)
            while await self.stills.turn():
                pass
            self.now += LOOK_SECONDS


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_room_has_a_picture_soon_after_its_first_keyframe(stage: Stage) -> None:
    stage.open("demo")
    await stage.pass_seconds(1, keyframes=False)
    assert await stage.get("demo") is None
    await stage.pass_seconds(KEYFRAME_SECONDS + 0.5)
    assert await stage.get("demo", 320) == b"320 of 1"
    assert await stage.get("demo", 640) == b"640 of 1"
    assert await stage.get("demo", 641) is None
    [status] = stage.rooms.statuses()
    assert 1000 + stage.now - status.still_at < KEYFRAME_SECONDS + 1


async def test_a_room_has_one_where_each_picture_is_a_keyframe(stage: Stage) -> None:
    stage.open("demo")
    room = stage.rooms.find(RoomName("demo"))
    assert room is not None
    for _ in range(int(3 / LOOK_SECONDS)):
        for _ in range(PICTURES_A_LOOK):
            stage.now += LOOK_SECONDS / PICTURES_A_LOOK
            send_picture(room, stage.payloads["demo"], stage.now)
        await stage.stills.turn()
    assert await stage.get("demo")
    assert 0 < 1000 + stage.now - room.still_taken_at < 3


async def test_it_is_renewed_every_ten_seconds_while_somebody_looks_and_each_minute_otherwise(
    stage: Stage,
) -> None:
    stage.open("demo")
    await stage.pass_seconds(3 * UNSEEN_RENEW_SECONDS)
    assert len(stage.decoder.done) == 3
    await stage.pass_seconds(UNSEEN_RENEW_SECONDS, looked_at="demo")
    more = len(stage.decoder.done) - 3
    assert more >= UNSEEN_RENEW_SECONDS / (RENEW_SECONDS + KEYFRAME_SECONDS)
    assert more <= UNSEEN_RENEW_SECONDS / RENEW_SECONDS + 1


async def test_without_a_new_keyframe_nothing_is_decoded_again(stage: Stage) -> None:
    stage.open("demo")
    await stage.pass_seconds(3)
    await stage.pass_seconds(300, keyframes=False, looked_at="demo")
    assert len(stage.decoder.done) == 1
    assert await stage.get("demo") == b"320 of 1"


async def test_a_keyframe_with_a_hole_is_left_out(stage: Stage) -> None:
    open_room(stage.rooms, "demo")
    room = stage.rooms.find(RoomName("demo"))
    assert room is not None
    send_picture(room, keyframe_payloads("VP8"), stage.now, lose=1)
    await stage.pass_seconds(5, keyframes=False)
    assert not stage.decoder.done


async def test_many_rooms_share_the_time_that_pictures_may_take(stage: Stage) -> None:
    for number in range(40):
        stage.open(f"room{number}")
    stage.decoder.cost = 0.05
    await stage.pass_seconds(120)
    cpu = stage.decoder.cost * len(stage.decoder.done)
    assert cpu <= 120 * CPU_SHARE * 1.2 + 0.4
    assert all([await stage.get(f"room{number}") for number in range(40)]), "each had its turn"


async def test_a_hostile_room_keeps_no_other_room_from_its_picture(stage: Stage) -> None:
    hostile = (keyframe_payloads("VP8")[0] + b"hostile", *keyframe_payloads("VP8")[1:])
    stage.decoder.hostile = lambda keyframe: b"hostile" in b"".join(keyframe.payloads)
    for number in range(10):
        stage.open(f"hostile{number}", *hostile)
        stage.open(f"room{number}")
    await stage.pass_seconds(60)
    assert all([await stage.get(f"room{number}") for number in range(10)])
    assert await stage.get("hostile0") is None
    tries = sum(map(stage.decoder.hostile, stage.decoder.done))
    await stage.pass_seconds(4 * FAILED_SECONDS)
    assert sum(map(stage.decoder.hostile, stage.decoder.done)) <= tries + 10 * 2, "it waits longer each time"


async def test_a_busy_machine_is_not_the_rooms_fault(stage: Stage) -> None:
    stage.open("demo")
    stage.decoder.slow = True
    await stage.pass_seconds(15)
    assert await stage.get("demo") is None
    stage.decoder.slow = False
    await stage.pass_seconds(RENEW_SECONDS + KEYFRAME_SECONDS + 1)
    assert await stage.get("demo") is not None


async def test_the_next_room_of_the_name_does_not_show_the_picture_of_the_one_before(stage: Stage) -> None:
    stage.open("demo")
    await stage.pass_seconds(5)
    stage.rooms.close(RoomName("demo"), EndReason.PUBLISHER_LEFT)
    assert await stage.get("demo") is None
    stage.open("demo")
    assert await stage.get("demo") is None


async def test_a_decoder_ends_when_it_has_nothing_to_do_and_with_the_worker(
    stage: Stage,
) -> None:
    await stage.pass_seconds(200)
    assert stage.decoder.closed
    closed = stage.decoder.closed
    async with meanwhile(stage.stills.run()):
        await asyncio.sleep(0)
    assert stage.decoder.closed > closed


async def test_a_room_for_which_none_are_wanted_has_none(stage: Stage) -> None:
    stage.wanted = {"demo": False}
    for name in ("demo", "other"):
        stage.open(name)
    await stage.pass_seconds(20)
    assert (await stage.get("demo"), await stage.get("other") is None) == (None, False)
    stage.wanted = {"demo": True, "other": False}
    await stage.pass_seconds(20)
    assert (await stage.get("demo") is None, await stage.get("other")) == (False, None)
    assert [room.still_taken_at > 0 for room in stage.rooms.shown()] == [True, False]


async def test_a_real_decoder_makes_a_real_picture_of_a_room() -> None:
    rooms = new_rooms()
    stills = Stills(rooms)
    room = open_room(rooms, "demo", "H264")
    async with meanwhile(stills.run()):
        send_picture(room, keyframe_payloads("H264"), monotonic())
        async with asyncio.timeout(20):
            while not stills.made:
                room.tracks[0].source.last_received = monotonic()
                await asyncio.sleep(0.05)
    assert (await stills.get(GetStill(room="demo", width=320))).jpeg.startswith(b"\xff\xd8")
