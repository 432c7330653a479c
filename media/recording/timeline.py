"""Places the frames of a room's tracks on one axis of time, so that lips stay in sync.

One track leads (sound, if there is any): its timestamps are the time. The others keep the spacing of their
timestamps, too; where they stand beside the leader is what the sender reports say, or when they arrived.

- A new source of a track (a publisher, a layer, timestamps that jumped) is put where it belongs at once:
  there is a hole in the stream anyway. Its frames wait for its reports, so that this is known when the first
  one is written. So are those of a track that paused while its timestamps stood still.
- After that a track is moved only as its clock drifts against the leader's: too slowly to be seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from media.recording.frame import Frame

REPORT_SECONDS = 3.0  # how long frames wait for their first report: browsers send that of sound after 2.5 s
MAX_HELD_BYTES = 32 << 20  # of frames that wait

BEGIN_ERROR = 0.010  # seconds that a track may be off before it is moved ...
END_ERROR = 0.001  # ... and that are left then
SETTLE_SECONDS = 10.0  # in which it is moved, if that is slow enough:
SLEW = 0.005  # seconds of correction per second of media, ...
MAX_STEP = 0.000_5  # ... per frame, ...
SLOW_SLEW = 0.000_5  # ... but this per second in any case: pictures may be seconds apart
JUMP_ERROR = 0.5  # more than this is not drift but a jump ...
JUMP_SECONDS = 30.0  # ... once each track has had reports enough to confirm it
MAX_ERROR = 5.0  # reports that differ more than this from when frames arrive are wrong


class Placed(NamedTuple):
    """A frame of a track: when it plays, in seconds of the recording's own axis, and when it arrived."""

    seconds: float
    track: int
    frame: Frame
    arrived: float


@dataclass(slots=True)
class _Source:
    key: tuple[int, ...]
    lag: float  # seconds from the media's time to its arrival, of the frame that came fastest, ...
    lag_now: float  # ... and of the latest one
    waits: bool = True  # for its first report
    publisher: int = -1
    wall: float | None = None  # seconds from the media's time to that of its publisher's clock


@dataclass(slots=True)
class _Track:
    rate: int
    heard: _Source | None = None  # of the latest frame that came
    placed: _Source | None = None  # of the latest frame that was placed, ...
    offset: float = 0.0  # ... seconds from the media's time to that of the recording there, ...
    media: float = 0.0  # ... the media's time of its latest frame, ...
    pace: float = 0.0  # ... and how far that was from the one before
    moves: bool = False  # to where it belongs
    apart_since: float | None = None  # since when it seems to have jumped

    @property
    def resumes(self) -> bool:
        """Whether another source goes on where one has been placed."""
        return self.placed is not None and self.placed is not self.heard


class _Waiting(NamedTuple):
    frame: Frame
    track: int
    source: _Source
    now: float


class Timeline:
    """Tracks by their numbers. `now` is in seconds of a steady clock."""

    def __init__(self, clock_rates: Sequence[int], leader: int) -> None:
        self._tracks = [_Track(rate) for rate in clock_rates]
        self._leader = self._tracks[leader]
        self._waiting: list[_Waiting] = []
        self._held = 0  # bytes

    def push(self, track: int, frame: Frame, now: float) -> list[Placed]:
        """Take a frame that arrived at `now`; returns those that can be placed, in the order of arrival."""
        self._waiting.append(_Waiting(frame, track, self._hear(self._tracks[track], frame, now), now))
        self._held += len(frame.data)
        return self.poll(now)

    @property
    def waits(self) -> bool:
        """Whether any frames wait for reports."""
        return bool(self._waiting)

    def poll(self, now: float) -> list[Placed]:
        """The frames that have waited long enough for reports."""
        if not self._waiting:
            return []
        sources = [track.heard for track in self._tracks if track.heard is not None]
        if now - self._waiting[0].now >= REPORT_SECONDS or self._held > MAX_HELD_BYTES:
            for source in sources:
                source.waits = False
        # one that is alone, and begins, has nothing to be compared with
        compared = len(sources) > 1 or any(track.resumes for track in self._tracks)
        if compared and any(source.waits for source in sources):
            return []
        return self.close()

    def close(self) -> list[Placed]:
        """All frames that are left."""
        waiting, self._waiting, self._held = self._waiting, [], 0
        # the leader first: the others are placed beside it, and a picture may come before its sound
        in_turn = sorted(
            range(len(waiting)), key=lambda n: self._tracks[waiting[n].track] is not self._leader
        )
        seconds = {n: self._place(self._tracks[waiting[n].track], waiting[n]) for n in in_turn}
        return [Placed(seconds[n], one.track, one.frame, one.now) for n, one in enumerate(waiting)]

    def _hear(self, track: _Track, frame: Frame, now: float) -> _Source:
        media = frame.timestamp / track.rate
        source = track.heard
        if source is None or source.key != frame.source:
            source = track.heard = _Source(frame.source, now - media, now - media)
        source.lag_now = now - media
        source.lag = min(source.lag, source.lag_now)
        if frame.wall is not None:
            source.publisher, source.wall = frame.wall.publisher, frame.wall.seconds - media
            source.waits = False
        return source

    def _place(self, track: _Track, waiting: _Waiting) -> float:
        """When the frame plays."""
        media, source = waiting.frame.timestamp / track.rate, waiting.source
        if track.placed is not source:
            self._begin(track, source, media)
        elif track is not self._leader:
            self._follow(track, source, max(0.0, media - track.media), waiting.now)
        if media > track.media:
            track.pace, track.media = media - track.media, media
        return media + track.offset

    def _begin(self, track: _Track, source: _Source, media: float) -> None:
        """Put a new source of a track where it belongs, behind what is placed of the track already."""
        if track.placed is None:
            track.offset = self._target(track, source, self._by_arrival(track, source))
        else:
            behind = track.media + track.offset + min(track.pace, 1 / 30) - media
            track.offset += self._stood(track.placed, source)
            if track is not self._leader:
                track.offset = max(behind, self._target(track, source, track.offset))
        track.placed, track.moves, track.apart_since = source, False, None
        track.media = media

    def _stood(self, former: _Source, source: _Source) -> float:
        """The seconds for which the timestamps stood still before `source`; 0 if they did not.

        What was only held up on its way comes as late at first, and then catches up.
        """
        stood = source.lag - former.lag_now
        if former.wall is not None and source.wall is not None and former.publisher == source.publisher:
            reported = source.wall - former.wall
            if abs(reported - stood) <= MAX_ERROR:
                stood = reported
        return stood if stood > JUMP_ERROR else 0.0

    def _follow(self, track: _Track, source: _Source, elapsed: float, now: float) -> None:
        """Move a track as the clocks drift; `elapsed` is how long its latest frame lasts."""
        error = self._target(track, source, track.offset) - track.offset
        if abs(error) > JUMP_ERROR:
            self._jump(track, error, now)
            return
        track.apart_since = None
        track.moves = abs(error) >= (END_ERROR if track.moves else BEGIN_ERROR)
        if track.moves:
            most = max(min(SLEW * elapsed, MAX_STEP), SLOW_SLEW * elapsed)
            track.offset += max(-most, min(most, error * min(1.0, elapsed / SETTLE_SECONDS)))

    def _jump(self, track: _Track, error: float, now: float) -> None:
        """Follow a jump that no timestamp shows, once it is certain; nothing that is written moves back."""
        if track.apart_since is None:
            track.apart_since = now
        elif now - track.apart_since < JUMP_SECONDS:
            return
        elif error > 0:
            track.offset += error
        else:
            for other in self._tracks:
                other.offset -= error if other is not track else 0.0

    def _target(self, track: _Track, source: _Source, otherwise: float) -> float:
        """The offset of a track by the sender reports; `otherwise` where these say nothing, or nonsense."""
        other = self._reference(track)
        if (
            other is None
            or other.placed is None
            or source.wall is None
            or other.placed.wall is None
            or source.publisher != other.placed.publisher
        ):
            return otherwise
        apart = source.wall - other.placed.wall
        arrived_apart = source.lag_now - other.placed.lag_now
        return other.offset + apart if abs(apart - arrived_apart) <= MAX_ERROR else otherwise

    def _by_arrival(self, track: _Track, source: _Source) -> float:
        """The offset with which the frames that came fastest took as long as those of another track."""
        other = self._reference(track)
        if other is None or other.placed is None:
            return source.lag
        return source.lag + other.offset - other.placed.lag

    def _reference(self, track: _Track) -> _Track | None:
        """The track beside which `track` is placed."""
        if track is not self._leader:
            return self._leader
        return next((other for other in self._tracks if other is not track and other.placed), None)
