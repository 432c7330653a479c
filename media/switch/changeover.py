"""One viewer's way from one rendition of the picture to another: at a keyframe, and without a gap."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from media.counts import ViewerStats
from media.rtp.run import Run
from media.switch.feed import Feed
from media.switch.join_burst import JoinBurst
from media.switch.paced import Paced
from media.switch.switch import PacketSwitch
from media.switch.viewer import Behind, Place, Viewer
from media.tracks.sent_track import FRESH_SECONDS
from media.tracks.thinned import Form, Thinned

# A viewer that sees one meanwhile does not have an encoder spend on keyframes what the pictures between need.
BETTER_SECONDS = 2.0
# A viewer without a picture needs its keyframe urgently, but not more often than this.
URGENT_AT_ONCE, URGENT_SECONDS = 2, 5.0

# NTP time and timestamp of a track at a time of the steady clock; None before any packet of it.
PlayTime = Callable[[int, float], tuple[int, int] | None]

_MASK = 0xFFFFFFFF  # timestamps are numbers of 32 bits
_STEP = 90  # ticks of video's clock, a millisecond: the least from one picture to the next
_MOST_SECONDS = 2.0  # by which clocks may say that a picture is later than its arrival does
_SWITCH_SECONDS = 1.0  # for a picture that needs no keyframe; then a keyframe is asked for
_NEAR_SECONDS = 1.0
STOPPED_SECONDS = 1.0  # without a packet: then a viewer of that rendition has no picture
_CLOCK_RATE = 90_000  # of every video codec


class WantKeyframe(Protocol):
    """Asks for a keyframe of a track; `urgent`: meanwhile the viewer has no picture."""

    def __call__(self, number: int, now: float, *, urgent: bool = False) -> None: ...


class Changeover:
    """Moves one viewer from rendition to rendition. `now` is in seconds of a steady clock.

    A rendition begins with a keyframe of its own, for which `want_keyframe` asks. Until then the viewer gets
    what it got before, or no picture. Its timestamps go on as the clocks of the layers say, which `play_time`
    tells: layers have timestamps of their own.
    """

    _asks_at: float  # from then on for a keyframe of the target
    _latest_at: float  # when `_latest` came, ...
    _noted_at: float  # ... and when it was noted: the viewer waits for another picture since then

    def __init__(
        self,
        switch: PacketSwitch,
        feed: Feed,
        viewer: Viewer,
        want_keyframe: WantKeyframe,
        play_time: PlayTime,
        stats: ViewerStats,
        since: float,
    ) -> None:
        """The viewer waits for its first picture `since` that time."""
        self._switch = switch
        self._feed = feed
        self._viewer = viewer
        self._want_keyframe = want_keyframe
        self._play_time = play_time
        self._stats = stats
        self.target = viewer.rendition
        self.pace = 0.0  # bit/s for keyframes alone
        self.picture_pace = 0.0  # bit/s for a keyframe and what follows it; 0: each picture at once
        self._urgent = False  # it has no picture until the target begins
        self._urgent_at: deque[float] = deque(maxlen=URGENT_AT_ONCE)  # when that was so lately
        self._first = viewer.rendition  # whose timestamps the viewer's picture began with
        self._latest: int | None = None  # the viewer's timestamp of the latest picture before a change
        self._noted_at = since
        self.begins: Callable[[float], None] = lambda _now: None  # called when a rendition begins

    @property
    def waits(self) -> bool:
        """Whether the viewer is to get another rendition than it gets."""
        return self.target != self._viewer.rendition

    def set_pace(self, bitrate: float, picture_pace: float) -> None:
        """How fast keyframes alone may go, and what begins with a keyframe and follows it, in bit/s."""
        self.pace, self.picture_pace = bitrate, picture_pace
        behind = self._viewer.behind
        if isinstance(behind, Paced):
            behind.bitrate = bitrate
        elif behind is not None and not behind.is_first:
            behind.pace(picture_pace)

    @property
    def sends(self) -> bool:
        """Whether `send_due` is to be called every few milliseconds."""
        behind = self._viewer.behind
        return behind.due if isinstance(behind, Paced) else behind is not None and not behind.is_first

    def send_due(self, now: float) -> None:
        """Send what is due of keyframes alone, and of what has begun with a keyframe."""
        behind = self._viewer.behind
        if not self.sends:
            return
        if isinstance(behind, Paced) and (picture := behind.next_picture) is not None:
            timestamp, seconds = picture
            behind.shift = self._shift_to(now + seconds, timestamp)
        self._switch.advance(self._feed, self._viewer, now)
        if self.target is not None:
            self._step_over(self.target, now)  # when the next burst has come something waits again

    def _shift_to(self, at: float, timestamp: int) -> int:
        """What to add to a timestamp of keyframes alone so that the picture plays at the time `at`.

        Their pictures come late, by as much as they take. If their timestamps told so, the receiver would
        hold back the sound to keep it in step.
        """
        first, present = self._first, self._viewer.rendition
        assert first is not None
        assert present is not None
        plays = self._play_time(self._feed.base_of(first), at)
        shift = self._viewer.shifts[present] if plays is None else plays[1] - timestamp & _MASK
        if self._latest is not None and not 0 < timestamp + shift - self._latest & _MASK <= _MASK // 2:
            shift = self._latest + _STEP - timestamp & _MASK
        self._latest, self._latest_at, self._noted_at = timestamp + shift & _MASK, at, at
        return shift

    def aim(self, target: int | None, now: float, *, pause: bool) -> None:
        """Get `target` as soon as it begins; None: no picture. With `pause` the present one stops now.

        It does not when `target` begins with the next picture anyway.
        """
        if target != self.target:
            if self._shows_slowly:
                self._note_pause(now)  # it waits for a keyframe as one without a picture does
            self._forget()
            self.target = target
            if target is not None and target != self._viewer.rendition:
                self._feed.use(target)
                self._aim(target, now)
        if self._viewer.rendition is None:
            return
        if target is None or (pause and self.waits and self._between(target) is None):
            self._stats.pauses += 1
            self._note_pause(now)
            self._leave(now)

    def _note_pause(self, now: float) -> None:
        """Whatever a viewer claims of its line, it must not cost the publisher keyframes without end."""
        paused = self._urgent_at
        self._urgent = len(paused) < URGENT_AT_ONCE or now - paused[0] >= URGENT_SECONDS
        if self._urgent:
            paused.append(now)

    def _aim(self, target: int, now: float) -> None:
        """Wait for a keyframe; between a track and its lowest temporal layer, for the end of a picture."""
        if self._between(target) is None:
            self._asks_at = now
            sent = self._feed.sent[target]
            if (came := self._came_meanwhile(target, now)) is not None and self._is_near(came):
                self._begin(target, came, now, sent.keyframe_at)
            else:
                sent.await_keyframe(self, self._keyframe)
        else:
            self._asks_at = now + _SWITCH_SECONDS
            self._feed.after_burst[self] = lambda at: self._step_over(target, at)

    def _came_meanwhile(self, target: int, now: float) -> Run | None:
        """The keyframe of the target that came while the viewer has had no picture, or one that has stopped.

        None: wait for one. Its pictures follow it. A thinned form has none from before somebody used it.
        """
        present = self._viewer.rendition
        if self._feed.form(target) is not None:
            return None
        if self._awaits_first:
            return self._feed.sent[target].keyframe_since(min(self._noted_at, now - FRESH_SECONDS), now)
        if present is None:
            return self._feed.sent[target].keyframe_since(self._noted_at, now)
        stopped_at = self._came_at(present)
        if now - stopped_at < STOPPED_SECONDS:
            return None
        return self._feed.sent[target].keyframe_since(max(stopped_at, now - FRESH_SECONDS), now)

    @property
    def _awaits_first(self) -> bool:
        """Whether the viewer was sent no picture yet."""
        if self._viewer.rendition is None:
            return self._latest is None
        behind = self._viewer.behind
        return behind is not None and not behind.begun

    def _is_near(self, keyframe: Run) -> bool:
        """Whether what came since takes the line so little time that a new one would not be there sooner."""
        history = self._feed.sent[keyframe.track].history
        came = (run.octets for run in history.since(keyframe.first))
        return not self.picture_pace or sum(came) * 8 <= self.picture_pace * _NEAR_SECONDS

    def prepare(self, target: int, now: float) -> None:
        """Want a keyframe of what `target` is made of: the picture has stopped, and that will be next."""
        base = self._feed.base_of(target)
        if self._latest is not None and self._came_meanwhile(base, now) is None:
            self._want_keyframe(base, now, urgent=self._urgent)

    @property
    def _shows_slowly(self) -> bool:
        return isinstance(self._viewer.behind, Paced)  # keyframes alone

    def _between(self, target: int) -> Thinned | None:
        """The form of a track from which, or to which, the viewer goes; None: it changes the track."""
        feed, present = self._feed, self._viewer.rendition
        if present is None or feed.base_of(present) != feed.base_of(target):
            return None
        match [form for form in (feed.form(present), feed.form(target)) if form is not None]:
            case [form] if form.form is Form.LOWEST_LAYER:
                return form
        return None

    def _step_over(self, target: int, now: float) -> None:
        form = self._between(target)
        if target != self.target or form is None:
            return
        index = form.whole_from
        if form.number == target:
            index = form.next_index if form.between_pictures else None
        behind = self._viewer.behind
        if index is None or (isinstance(behind, JoinBurst) and not behind.is_empty):  # that would be lost
            self._feed.after_burst[self] = lambda at: self._step_over(target, at)
        else:
            present = self._viewer.rendition
            assert present is not None
            self._go_on(Place(target, index, self._viewer.shifts[present]), now)

    def tick(self, now: float, *, fits: bool = True) -> None:
        """Ask for the keyframe that the viewer waits for. Called several times a second.

        One whose present picture `fits` its line can wait.
        """
        if not self.waits or self.target is None or now < self._asks_at:
            return
        base = self._feed.base_of(self.target)
        sees = self._viewer.rendition is not None and not self._shows_slowly
        if not (sees and fits) or now - self._feed.sent[base].keyframe_at >= BETTER_SECONDS:
            self._want_keyframe(base, now, urgent=self._urgent and not sees)

    def end(self) -> None:
        """The viewer has left."""
        self._forget()
        if self._viewer.rendition is not None:
            self._feed.release(self._viewer.rendition)

    def _forget(self) -> None:
        """Wait for no keyframe any more."""
        if self.waits and self.target is not None:
            self._feed.sent[self.target].forget(self)
            self._feed.after_burst.pop(self, None)
            self._feed.release(self.target)

    def _leave(self, now: float) -> None:
        rendition = self._viewer.rendition
        assert rendition is not None
        self._note_latest(rendition, now)
        self._switch.change(self._feed, self._viewer, leaves=rendition, takes=None, behind=None, now=now)
        self._feed.release(rendition)

    def _note_latest(self, rendition: int, now: float) -> None:
        if self._awaits_first:
            return
        if isinstance(self._viewer.behind, Paced) and self._latest is not None:
            return  # its pictures have noted it
        shift = self._viewer.shifts[rendition]
        self._latest = self._feed.latest_timestamp(rendition) + shift & _MASK
        self._latest_at, self._noted_at = min(now, self._came_at(rendition)), now

    def _came_at(self, rendition: int) -> float:
        """When its latest packet came: its publisher may have been silent for a while."""
        return self._feed.sources[self._feed.base_of(rendition)].last_received

    def _keyframe(self, packet: Run, now: float) -> None:
        """A keyframe of the target begins. When the burst that brought it is sent, the viewer moves over."""
        target = packet.track
        if self._repeats(target):
            self._leave(now)
        self._feed.after_burst[self] = lambda at: self._begin(target, packet, at, at)

    def _repeats(self, target: int) -> bool:
        """Whether the present rendition would send the keyframe that is to be paced, live and before that."""
        feed, present = self._feed, self._viewer.rendition
        return self._is_slow(target) and present is not None and feed.base_of(present) == feed.base_of(target)

    def _is_slow(self, number: int) -> bool:
        form = self._feed.form(number)
        return form is not None and form.form is Form.KEYFRAMES

    def _begin(self, target: int, packet: Run, now: float, came_at: float) -> None:
        assert target == self.target  # `aim` forgets what was waited for before
        former = self._viewer.rendition
        assert target != former
        if former is not None:
            self._note_latest(former, now)
        if self._first is None:
            self._first = target
        shift = self._shift(target, packet.timestamps()[0], came_at)
        self._go_on(Place(target, packet.first, shift), now)

    def _go_on(self, place: Place, now: float) -> None:
        feed, former = self._feed, self._viewer.rendition
        behind: Behind | None = None
        if self._is_slow(place.track):
            behind = Paced(place.track, place.first, self.pace, now)
        elif self.picture_pace and self._viewer.backlog is None:
            behind = JoinBurst(place.track)
            behind.begin_at(place.first, self.picture_pace, now)
        self._switch.change(feed, self._viewer, leaves=former, takes=place, behind=behind, now=now)
        if isinstance(behind, JoinBurst):
            self._switch.advance(feed, self._viewer, now)
        if former is not None:
            feed.release(former)
        self._stats.layer_changes += 1
        self.begins(now)

    def _shift(self, target: int, timestamp: int, now: float) -> int:
        """What to add to timestamps of `target`: time goes on as it did, and never back."""
        shift = self._by_clocks(target, now)
        if self._latest is None:
            return shift
        elapsed = round((now - self._latest_at) * _CLOCK_RATE)
        ahead = timestamp + shift - self._latest & _MASK
        if not _STEP <= ahead <= elapsed + _MOST_SECONDS * _CLOCK_RATE:
            shift = self._latest + max(_STEP, elapsed) - timestamp
        return shift & _MASK

    def _by_clocks(self, target: int, now: float) -> int:
        """How much later the timestamps were with which the viewer's picture began."""
        assert self._first is not None
        began = self._play_time(self._feed.base_of(self._first), now)
        comes = self._play_time(self._feed.base_of(target), now)
        if began is None or comes is None:
            return 0
        return began[1] - comes[1] & _MASK
