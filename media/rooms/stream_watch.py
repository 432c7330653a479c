"""What a room's stream is like: how much comes, which layers, and what people are warned of."""

from collections.abc import Sequence

from media.feedback.publisher_feedback import PublisherFeedback
from media.rooms import ladder
from media.rooms.starved_layers import StarvedLayers
from media.rooms.warnings import (
    LOSE_SOUND,
    NO_KEYFRAME,
    NO_PARAMETER_SETS,
    REORDERED,
    SPATIAL_LAYERS,
    STARVED_LAYER,
    RoomWarnings,
)
from media.switch.feed import Feed
from media.tracks.track import Track, has_stopped

MEASURE_SECONDS = 1.0  # between two measurements
NO_MEDIA_SECONDS = 2.0  # then a track is not checked any more
_DELAY_STEP = 0.005  # seconds by which the delay changes before that is told
_BARE_KEYFRAMES = 2  # in a row, without parameter sets: those of one may be lost
# A room warns of viewers that lose sound from so many on: a few have bad lines of their own.
_LEAST_LOSE = 3
_MANY_LOSE, _FEWER_LOSE = 0.10, 0.05  # shares of its viewers: it warns, and no longer


class StreamWatch:
    """Looks at the stream of one room, and keeps its ladder and its warnings."""

    def __init__(
        self,
        tracks: Sequence[Track],
        feed: Feed,
        publisher: PublisherFeedback,
        warnings: RoomWarnings,
    ) -> None:
        self.bitrate = 0  # bit/s that came in the last second
        self._tracks = tracks
        self._feed = feed
        self._publisher = publisher
        self._warnings = warnings
        self._delay = 0.0
        self._layers = [(number, track) for number, track in enumerate(tracks) if track.ids is not None]
        self._come: set[int] = set()  # layers that came at the last tick
        self._starved_layers = StarvedLayers()
        self._measured_at = 0.0
        self._measured_bytes = 0

    def steady_delay(self) -> float:
        """The seconds from the publisher to here, 0 if unknown.

        A small change is not worth a record, nor an event to each viewer: it is not told.
        """
        delay = self._publisher.delay
        if delay is None:
            self._delay = 0.0
        elif not self._delay or abs(delay - self._delay) > _DELAY_STEP:
            self._delay = max(round(delay, 3), 0.001)
        return self._delay

    def tick(self, now: float, *, viewers: int, is_copy: bool) -> None:
        """Look at what has come. Called several times a second; `viewers` is how many the room has."""
        if self._layers:
            self._see_layers(now)
        if now - self._measured_at >= MEASURE_SECONDS:
            self._measure(now, is_copy=is_copy)
            self._warn(now, viewers)

    def _see_layers(self, now: float) -> None:
        """Have viewers move at once when their layer has stopped, or the picture begins anew in another."""
        come = {number for number, track in self._layers if track.live(now)}
        if self._feed.ladder is not None and (self._come - come or (come and not self._come)):
            self._feed.ladder = ladder.measure(self._feed, self._tracks, now)
        self._come = come

    def _measure(self, now: float, *, is_copy: bool) -> None:
        received = self._feed.rx_bytes - self._measured_bytes
        if self._measured_at:
            self.bitrate = round(received * 8 / (now - self._measured_at))
        self._measured_at, self._measured_bytes = now, self._feed.rx_bytes
        for sent in self._feed.sent:
            sent.measure(now)
        for track in self._tracks:
            if has_stopped(track, self._tracks, now):
                track.sent.pictures.clear()  # a viewer shall not begin with what a layer showed last
        if not is_copy:  # to a copy its origin says which layers starve
            self._starved_layers.look([track.sent for _, track in self._layers if track.live(now)])
        self._feed.ladder = ladder.measure(self._feed, self._tracks, now)

    def _warn(self, now: float, viewers: int) -> None:
        reordered: set[str] = set()
        no_keyframe = no_parameter_sets = spatial_layers = False
        for track in self._tracks:
            watch, requests = track.source.watch, track.sent.requests
            if watch is None or now - track.source.heard_at >= NO_MEDIA_SECONDS:
                continue
            if watch.reorders:
                reordered.add(REORDERED[track.published.codec.name])
            # without a request, browsers send none for minutes
            asked_in_vain = requests is not None and requests.in_vain(now)
            no_keyframe |= asked_in_vain and watch.lacks_keyframe(track.sent.keyframe_at, now)
            no_parameter_sets |= track.sent.bare_keyframes >= _BARE_KEYFRAMES
            spatial_layers |= track.published.codec.name == "AV1" and track.sent.temporal.sizes > 1
        for text in REORDERED.values():
            self._warnings.set(text, holds=text in reordered)
        self._warnings.set(NO_KEYFRAME, holds=no_keyframe)
        self._warnings.set(NO_PARAMETER_SETS, holds=no_parameter_sets)
        self._warnings.set(SPATIAL_LAYERS, holds=spatial_layers)
        self._warnings.set(
            STARVED_LAYER, holds=any(track.sent.starves and track.live(now) for track in self._tracks)
        )

        share = _FEWER_LOSE if LOSE_SOUND in self._warnings.texts else _MANY_LOSE
        lose = self._feed.losing_sound
        self._warnings.set(LOSE_SOUND, holds=lose >= max(_LEAST_LOSE, share * viewers))
