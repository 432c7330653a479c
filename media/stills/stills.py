"""The latest still picture of each room of this worker: when it is made, and who gets it.

A picture is made of a keyframe that came anyway; the publisher is never asked for one. The time that all
rooms together may take is limited: with more rooms, each one's picture is renewed less often.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic, time

from media.rooms.room import Room
from media.rooms.rooms import Rooms
from media.stills.decoder_process import DecoderDiedError, DecoderProcess, DecoderSlowError
from media.stills.job import MAX_KEYFRAME_BYTES, Keyframe, Outcome
from media.token_bucket import TokenBucket
from media.tracks.track import Track
from shared.beat import BEAT_SECONDS, beat
from shared.errors import ErrorCode, ServiceError
from shared.messages.stills import WIDTHS, GetStill, Still
from shared.names import RoomName
from shared.rpc.request import Handler
from shared.telemetry.logging import get_logger

LOOK_SECONDS = BEAT_SECONDS  # a keyframe is held for twice as long
RENEW_SECONDS = 10.0  # a room's picture, while somebody looks at it, and ...
ASKED_SECONDS = 60.0  # ... that is until so long after it was last asked for
UNSEEN_RENEW_SECONDS = 60.0  # otherwise
# Of a core, for all rooms of a worker. It is promised to take 2 % at most; a busy machine counts unevenly.
CPU_SHARE = 0.015
CPU_BURST_SECONDS = 0.2  # for rooms that open together
MOST_DEBT_SECONDS = 0.04  # after a keyframe that broke the decoder: two seconds without pictures
FAILED_SECONDS = 60.0  # without a picture of a room whose keyframe failed; doubled each time ...
MOST_FAILED_SECONDS = 3600.0  # ... up to this
MAX_CAUGHT = 32  # keyframes that wait for the decoder, of one room each
IDLE_SECONDS = 120.0  # until a decoder with nothing to do ends

log = get_logger()


@dataclass(slots=True, eq=False)
class _RoomStill:
    """What is known of one room's picture. Times are of the steady clock."""

    room: Room
    caught: Keyframe | None = None  # it waits for the decoder
    keyframe_at: float = -math.inf  # of the keyframe that was caught last
    pictures: dict[int, bytes] = field(default_factory=dict)  # JPEG, by width
    made_at: float = -math.inf
    asked_at: float = -math.inf
    not_before: float = -math.inf
    failures: int = 0  # in a row

    def is_due(self, now: float) -> bool:
        seconds = RENEW_SECONDS if now - self.asked_at < ASKED_SECONDS else UNSEEN_RENEW_SECONDS
        return now >= max(self.made_at + seconds, self.not_before)

    def failed(self, now: float) -> float:
        """For how many seconds it is left alone."""
        pause: float = min(MOST_FAILED_SECONDS, FAILED_SECONDS * 2**self.failures)
        self.failures = min(self.failures + 1, 16)
        self.not_before = now + pause
        return pause


class Stills:
    """`run` makes pictures until it is cancelled. `unix_clock` is the one by which control counts."""

    def __init__(
        self,
        rooms: Rooms,
        decoder: DecoderProcess | None = None,
        clock: Callable[[], float] = monotonic,
        unix_clock: Callable[[], float] = time,
    ) -> None:
        self._rooms = rooms
        self._decoder = decoder or DecoderProcess()
        self._clock = clock
        self._unix_clock = unix_clock
        self._stills: dict[RoomName, _RoomStill] = {}
        self._cpu = TokenBucket(CPU_SHARE, CPU_BURST_SECONDS, clock())
        self._worked_at = clock()
        self.made = 0
        self.failed = 0
        self.cpu_seconds = 0.0  # of the decoder, for pictures

    def handlers(self) -> dict[type, Handler]:
        return {GetStill: self.get}

    async def get(self, message: GetStill) -> Still:
        """The latest picture of a room; raises `NOT_FOUND` if there is none (yet)."""
        still = self._stills.get(RoomName(message.room))
        if still is None or self._rooms.find(RoomName(message.room)) is not still.room:
            raise ServiceError(ErrorCode.NOT_FOUND)
        still.asked_at = self._clock()
        if message.width not in still.pictures:
            raise ServiceError(ErrorCode.NOT_FOUND)
        return Still(jpeg=still.pictures[message.width], taken_at=still.room.still_taken_at)

    async def run(self) -> None:
        try:
            while True:
                try:
                    made = await self.turn()
                except Exception:  # a bug here must not end the worker, which has media
                    log.exception("still pictures failed")
                    made = False
                if not made:
                    await beat(LOOK_SECONDS)
        finally:
            await self._decoder.close()

    async def turn(self) -> bool:
        """Look for keyframes, and make the picture that is most due; whether there was one to make."""
        now = self._clock()
        self._look(now)
        waiting = [still for still in self._stills.values() if still.caught is not None]
        if not waiting or self._cpu.left(now) <= 0:
            if now - self._worked_at > IDLE_SECONDS:
                await self._decoder.close()
            return False
        self._worked_at = now
        await self._make(min(waiting, key=lambda still: (still.made_at, still.keyframe_at)))
        return True

    def _look(self, now: float) -> None:
        rooms = {room.name: room for room in self._rooms.pictured()}
        for name in [name for name in self._stills if name not in rooms]:
            self._stills.pop(name).room.still_taken_at = 0.0
        waiting = sum(still.caught is not None for still in self._stills.values())
        for name, room in rooms.items():
            still = self._stills.get(name)
            if still is None or still.room is not room:
                still = self._stills[name] = _RoomStill(room)
            if still.caught is None and waiting < MAX_CAUGHT and still.is_due(now):
                found = latest_keyframe(room.tracks, still.keyframe_at, now)
                if found is not None:
                    still.keyframe_at, still.caught = found
                    waiting += 1

    async def _make(self, still: _RoomStill) -> None:
        keyframe, still.caught = still.caught, None
        assert keyframe is not None
        taken_at = self._unix_clock() - (self._clock() - still.keyframe_at)
        try:
            outcome = await self._decoder.outcome(keyframe)
        except DecoderSlowError:
            self.failed += 1
            still.not_before = self._clock() + RENEW_SECONDS
            log.info("no still picture: the decoder gets no CPU", room=still.room.name)
            return
        except DecoderDiedError as error:
            self._fails(still, str(error))
            self._cpu.spend(MOST_DEBT_SECONDS + max(0.0, self._cpu.left(self._clock())))
            return
        self.cpu_seconds += outcome.cpu_seconds
        self._cpu.spend(outcome.cpu_seconds)
        if outcome.pictures:
            self._shows(still, outcome, taken_at)
        else:
            self._fails(still, outcome.error)

    def _shows(self, still: _RoomStill, outcome: Outcome, taken_at: float) -> None:
        self.made += 1
        still.pictures, still.room.still_taken_at = outcome.pictures, taken_at
        still.made_at, still.failures = self._clock(), 0

    def _fails(self, still: _RoomStill, reason: str) -> None:
        self.failed += 1
        pause = still.failed(self._clock())
        log.info("no still picture", room=still.room.name, reason=reason, next_try_seconds=pause)


def latest_keyframe(tracks: Sequence[Track], after: float, now: float) -> tuple[float, Keyframe] | None:
    """When it began, and the keyframe; None unless it began after `after`, and all of it is here and held.

    Times are in seconds of the steady clock.
    """
    track = _best_track(tracks, now)
    if track is None:
        return None
    began_at = track.sent.keyframe_at
    if began_at <= after:
        return None
    payloads = [payload for payload in track.sent.latest_keyframe() if payload]
    if not 0 < sum(map(len, payloads)) <= MAX_KEYFRAME_BYTES:
        return None
    return began_at, Keyframe(track.published.codec.name, payloads)


def _best_track(tracks: Sequence[Track], now: float) -> Track | None:
    """Small layers are decoded faster."""
    pictures = [track for track in tracks if track.kind == "video" and track.live(now)]
    by_size = sorted(pictures, key=lambda track: max(track.size or (0, 0)))
    large = [track for track in by_size if max(track.size or (0, 0)) >= max(WIDTHS)]
    return next(iter(large or by_size[::-1]), None)
