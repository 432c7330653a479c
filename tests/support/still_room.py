"""A room whose publisher sends keyframes that a test has encoded, for still pictures."""

from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace

from media.rooms.chronicle import Chronicle
from media.rooms.policy import NOTHING_SET, Policy
from media.rooms.room import Room
from media.rooms.rooms import Rooms
from media.sessions.ledger import Ledger
from shared.names import RoomName, WorkerId
from tests.support.encoded import encode
from tests.support.far_end import rtp
from tests.support.published import video
from tests.support.room_source import RoomSource
from tests.support.runs import run_of


@cache
def keyframe_payloads(codec: str) -> tuple[bytes, ...]:
    """RTP payloads of a real keyframe of 320x240."""
    first = encode(codec, frames=3, gop=3)[0]
    assert first.is_keyframe
    return tuple(first.payloads)


def new_rooms(policy: Policy = NOTHING_SET) -> Rooms:
    copies = SimpleNamespace(room_closed=lambda *_: None, tracks_changed=lambda _: None)
    chronicle = Chronicle(WorkerId("w1"), "process", lambda: None)
    return Rooms(Ledger(), copies, lambda *_: None, chronicle, grace=60.0, policy=policy)


def open_room(rooms: Rooms, name: str, codec: str = "VP8") -> Room:
    return rooms.open(
        RoomName(name), [video(codec)], lambda _: RoomSource(heard_at=0.0), 0.0, identity=name, started_at=1.0
    )


def send_picture(room: Room, payloads: Sequence[bytes], now: float, *, lose: int | None = None) -> None:
    """Let the room get a picture in these packets at `now`, all but the one at the place `lose`."""
    track = room.tracks[0]
    first = track.sent.history.next_index
    timestamp = round(now * 90_000)
    track.source.last_received = now
    for number, payload in enumerate(payloads):
        if number == lose:
            continue
        data = rtp(first + number, payload, timestamp=timestamp, marker=number == len(payloads) - 1)
        track.sent.keep(run_of(data, ssrc=track.sent.ssrc, first=first + number), now)
