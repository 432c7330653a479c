"""A track as a room sends it: the state that all its viewers share."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Literal, NamedTuple

from media.payload.keyframes import HAS_PARAMETER_SETS, picture_size, starts_keyframe
from media.rtp.run import Run, between
from media.rtp.sequence import WRAP_GUARD, before_wrap
from media.tracks.history import PacketHistory
from media.tracks.keyframe_requests import KeyframeRequests
from media.tracks.picture_cache import PictureCache
from media.tracks.temporal_layers import TemporalLayers

AUDIO_PACKETS = 256  # a power of 2; five seconds of 20 ms
RUN_UP_PACKETS = 16  # of a keyframe that may come behind its first packet
GOES_ON_SECONDS = 0.5  # from packet to packet at most: most pictures come faster
FRESH_SECONDS = 0.5  # a joining viewer may begin with a keyframe of this age instead of a new one

JoinBurstMode = Literal["auto", "off", "on"]


class HeldKeyframe(NamedTuple):
    """The keyframe with which the held pictures begin; `digest` is of all of it, the same at all workers."""

    digest: bytes
    first: int  # index of its first packet, ...
    timestamp: int  # ... and that one's, both in the room
    packets: int  # from there on, up to the first that is missing


@dataclass(slots=True, eq=False)
class SentTrack:
    """It outlives a publisher: when another one takes the room over, its state continues.

    `rtx_ssrc` is the SSRC of the retransmission streams (RFC 4588), None if there are none. `codec` is the
    name of a video track's codec, for finding keyframes; empty for audio.
    """

    ssrc: int
    rtx_ssrc: int | None = None
    codec: str = ""
    join_burst: JoinBurstMode = "auto"
    history: PacketHistory = field(default_factory=PacketHistory)
    pictures: PictureCache = field(default_factory=PictureCache)
    temporal: TemporalLayers = field(default_factory=TemporalLayers)  # of its video
    requests: KeyframeRequests | None = None  # to the current publisher
    keyframe_at: float = -math.inf  # when the latest keyframe began
    size: tuple[int, int] | None = None  # width and height of the latest keyframe; None: not known
    bare_keyframes: int = 0  # the latest ones that came without the parameter sets that their codec needs
    octets: int = 0  # of RTP payload, so far
    bitrate: int = 0  # bits a second of it lately: see `measure`
    packet_rate: float = 0.0  # packets a second lately
    announced: int = 0  # the bit rate at a copy's origin: an edge takes only the layers that are watched
    starves: bool = False  # its publisher has far fewer pictures for it than for a lower layer
    keyframe_octets: int = 0  # of RTP payload of the latest keyframe, so far
    _awaiting: dict[object, Callable[[Run, float], None]] = field(default_factory=dict)
    _cache_until: float = -math.inf
    _keyframe: int | None = None  # timestamp of the latest keyframe
    _keyframe_index: int = 0  # of the packet with which it was noticed
    _before: list[Run] = field(default_factory=list)  # the run-up to it
    _measured_at: float = 0.0
    _measured_octets: int = 0
    _measured_index: int = 0

    def publish(self, codec: str, *, deaf: bool, descriptor: int = 0) -> None:
        """Another publisher sends this video; it is `deaf` when it cannot be asked for keyframes.

        `descriptor` is the room's id of the dependency descriptor; 0: its packets have none.
        """
        self.codec = codec
        self.temporal = TemporalLayers(codec, descriptor)
        self.requests = KeyframeRequests(deaf=deaf)
        self.starves = False
        self.bare_keyframes = 0

    def keep(self, run: Run, now: float) -> None:
        """Keep a run that is forwarded at `now`, seconds of a steady clock."""
        self.octets += run.octets
        if not self.history.keep(run, now) or not self.codec:
            return
        if self._keyframe is not None:
            self.keyframe_octets += run.octets_of(self._keyframe)
        suspects = run.suspects(self.codec)
        starts = [(place, payload) for place, payload in suspects if starts_keyframe(self.codec, payload)]
        if starts:
            self._keep_keyframe(run, starts, now)
        else:
            self._cache(run, now, starts_keyframe=False)

    def _keep_keyframe(self, run: Run, starts: list[tuple[int, bytes]], now: float) -> None:
        """Note the keyframe of which these payloads are, by their places in the run."""
        first, timestamps = run.first, run.timestamps()
        if starts[0][0]:
            self._cache(run.part(0, starts[0][0]), now, starts_keyframe=False)
        places = [*[place for place, _ in starts], len(run)]
        for (place, payload), (start, stop) in zip(starts, pairwise(places), strict=True):
            if timestamps[place] != self._keyframe:
                self.bare_keyframes += self.codec in HAS_PARAMETER_SETS
                self._keyframe = timestamps[place]
                self.keyframe_octets = run.part(place, len(run)).octets_of(self._keyframe)
                self._keyframe_begins(run.part(place, place + 1), now)
            if size := picture_size(self.codec, payload):
                self.size, self.bare_keyframes = size, 0
            self._cache(between(run, first + start, first + stop), now, starts_keyframe=True)

    def measure(self, now: float) -> None:
        """Measure the bit rate of the time since the last call. Call it about once a second.

        Keyframes make seconds unequal, so the rate goes halfway to what is measured. A stop shows at once.
        """
        elapsed = now - self._measured_at
        if self._measured_at and elapsed > 0:
            measured = round((self.octets - self._measured_octets) * 8 / elapsed)
            halfway = (self.bitrate + measured) // 2 if self.bitrate and measured else measured
            self.bitrate = max(halfway, self.announced)
            # a room's first packet has any index: it is no count of those before
            packets = self.history.next_index - (self._measured_index or self.history.next_index)
            self.packet_rate = packets / elapsed
        self._measured_at, self._measured_octets = now, self.octets
        self._measured_index = self.history.next_index

    def _cache(self, run: Run, now: float, *, starts_keyframe: bool) -> None:
        if now < self._cache_until:
            self.pictures.keep(run, now, starts_keyframe=starts_keyframe)
        else:
            self.pictures.clear()

    def _keyframe_begins(self, packet: Run, now: float) -> None:
        self.keyframe_at = now
        self._keyframe_index = packet.first
        self.temporal.learn(packet.packet(0))
        if self.requests is not None:
            self.requests.arrived(now)
        while self._awaiting:
            self._awaiting.popitem()[1](packet, now)
        self._before = self.run_up(packet.first)
        if self.join_burst != "off":
            # a publisher that answers requests is not asked again while its keyframe is fresh
            self._cache_until = now + FRESH_SECONDS if self._listens else math.inf

    @property
    def _listens(self) -> bool:
        return self.join_burst == "auto" and self.requests is not None and self.requests.trusted

    def find(self, sequence: int, now: float) -> Run | None:
        """The latest packet with that 16-bit sequence number, if it is still held."""
        newest = self.history.next_index - 1
        return self.held(newest - (newest - sequence & 0xFFFF), now)

    def held(self, extended: int, now: float) -> Run | None:
        """The packet of that index, if it is still held."""
        return self.history.get(extended, now) or self.pictures.get(extended)

    def run_up(self, extended: int) -> list[Run]:
        """The packets before that index that a viewer must get first, to begin far enough from a wrap.

        Empty if it needs none, or if too few are held.
        """
        left = before_wrap(extended)
        if not self.codec or left > WRAP_GUARD:
            return []
        wanted = WRAP_GUARD + 1 - left
        runs = self.history.before(extended, wanted)
        return runs if sum(map(len, runs)) > wanted // 2 else []

    def latest_keyframe(self) -> list[bytes]:
        """What is in the packets of the latest keyframe, in order; empty unless all are here, and held."""
        if self._keyframe is None:
            return []
        first = self._first_of_keyframe()
        contents: list[bytes] = []
        for run in self.history.since(first):
            if run.first != first + len(contents):
                return []
            packets = zip(run.timestamps(), run.contents(), run.markers(), strict=True)
            for timestamp, content, marker in packets:
                if timestamp != self._keyframe:
                    return contents
                contents.append(content)
                if marker:
                    return contents
        return []

    def held_keyframe(self) -> HeldKeyframe | None:
        """What a copy of the room knows it by that has had it; None: no pictures are held."""
        index = self.pictures.first_index
        if index is None:
            return None
        held = self.pictures.held()
        timestamp, content = held[0].timestamps()[0], sha256()
        whole = 0
        for run in held:
            if run.first != index + whole:
                break
            whole += len(run)
        for run in held:
            for at, payload in zip(run.timestamps(), run.contents(), strict=True):
                if at != timestamp:
                    return HeldKeyframe(content.digest(), index, timestamp, whole)
                content.update(payload)
        return None  # the rest of it may follow

    def _first_of_keyframe(self) -> int:
        """The index with which it begins: parameter sets may come behind what they belong to."""
        first = self._keyframe_index
        for run in reversed(self.history.before(first, RUN_UP_PACKETS)):
            for index, timestamp in reversed([*enumerate(run.timestamps(), run.first)]):
                if timestamp != self._keyframe or index != first - 1:
                    return first
                first = index
        return first

    def keyframe_since(self, at: float, now: float) -> Run | None:
        """The packet with which the latest keyframe began, if that was after `at`.

        None also if it is not held, or if nothing came for a while: a layer that was off begins anew.
        """
        if self.keyframe_at <= at or self.history.age(self.history.next_index - 1, now) > GOES_ON_SECONDS:
            return None
        return self.history.get(self._keyframe_index, now)

    # --- a viewer's first picture

    def await_keyframe(self, owner: object, call: Callable[[Run, float], None]) -> None:
        """Call `call` once when the next keyframe begins, unless its owner is forgotten.

        It gets the keyframe's first packet, and the time.
        """
        self._awaiting[owner] = call

    def forget(self, owner: object) -> None:
        self._awaiting.pop(owner, None)

    @property
    def awaiting_count(self) -> int:
        return len(self._awaiting)

    @property
    def has_pictures(self) -> bool:
        """Whether a joining viewer can begin with kept pictures, instead of live ones."""
        return self.pictures.first_index is not None

    @property
    def asks_early(self) -> bool:
        """Whether to ask for a keyframe before a viewer is connected: the answer would be kept for it."""
        return self.has_pictures and not self._listens

    def may_begin(self, asked_at: float, now: float) -> bool:
        """Whether a viewer that has waited since `asked_at`, the time of the keyframe request, may begin."""
        began_at = self.pictures.began_at
        return (
            self.join_burst == "on"
            or not self.has_pictures  # they were dropped: the viewer will request a keyframe itself
            or self.requests is None
            or self.requests.hopeless(now)
            or began_at >= min(asked_at, now - FRESH_SECONDS)
        )

    def group(self) -> list[Run]:
        """The packets since the last keyframe, with the run-up that a viewer needs before them."""
        held = self.pictures.held()
        return [run for run in self._before if run.first < held[0].first] + held
