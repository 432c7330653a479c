"""A room in time: its publisher sends layers at given bit rates, and viewers' receivers say what they get."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from media.feedback.viewer_picture import STEP_SECONDS, ViewerPicture
from media.negotiation.agreed_tracks import PublishedTrack
from media.rooms import ladder
from media.rooms.starved_layers import StarvedLayers
from media.rtp.packet import RtpPacket
from media.rtp.rtcp import Pli, parse_compound, remb
from media.switch.rendition import PACKET_OVERHEAD
from media.switch.thinning import Thinning
from media.tracks.sent_track import JoinBurstMode
from tests.support.far_viewer import REPORTER, FarViewer
from tests.support.layers_world import PICTURE, PICTURE_RTX, LayersWorld, wires
from tests.support.published import sound, video

RIDS = ("f", "h", "q")
THREE = (800_000, 300_000, 100_000)  # bit/s of each layer, best first
SINGLE = (600_000,)
LARGE = (2_400_000,)  # its keyframes are too large for a bad line
SOUND_BYTES, SOUND_SECONDS = 80, 0.020  # 32 kbit/s
SOUND_RATE = (SOUND_BYTES + PACKET_OVERHEAD) * 8 / SOUND_SECONDS  # with headers
PACKET_BYTES = 600
EMPTY_SECONDS, LONGEST_QUEUE = 0.03, 3.0  # a round trip on an empty line, and what a full queue adds
_FRAMES_PER_SECOND = 25
_STEPS_PER_FRAME = round(1 / _FRAMES_PER_SECOND / STEP_SECONDS)
_STEPS_PER_TICK = 10


class ShownWorld(LayersWorld):
    """Its pictures are of 25 a second. Every second one is of an upper temporal layer if it has `temporal`.

    A keyframe has three times the size of other pictures. The publisher sends one each `keyframe_seconds`,
    and on request if it `answers`. `rates` are in bit/s and may be changed; of a layer with 0 nothing comes.
    Of a layer whose `paces` are n only every nth picture comes.
    """

    def __init__(
        self,
        rates: Sequence[int] = THREE,
        *,
        temporal: bool = False,
        keyframe_seconds: float = math.inf,
        answers: bool = True,
        join_burst: JoinBurstMode = "off",
    ) -> None:
        layers = len(rates)
        super().__init__(
            (1000,) * layers,
            (0, 77_000, 5)[:layers],
            published=_published(layers),
            thinned=True,
            join_burst=join_burst,
        )
        self.rates = list(rates)
        self.paces = [1] * layers
        self.answers = answers
        self.keyframe_seconds = keyframe_seconds
        self.sound = layers  # the number of its track
        self.lowest, self.keyframes = layers + 1, layers + 2  # the thinned forms
        self.watchers: list[Watcher] = []
        self.keyframes_at: list[list[float]] = [[] for _ in rates]  # when they began
        self.asked_at: list[list[float]] = [[] for _ in rates]  # when they were requested
        self._wanted: set[int] = set()
        self._temporal = temporal
        self._steps = 0
        self._starved_layers = StarvedLayers()
        self._measured_at = 0.0
        self.run(2.5)  # until its ladder is measured

    @property
    def thinning(self) -> Thinning:
        assert self.feed.thinning is not None
        return self.feed.thinning

    def watch(self, line: float = math.inf, **how: Any) -> "Watcher":
        """A viewer joins. Its line carries `line` bit/s of pictures and padding; `how` is for `wires`."""
        watcher = Watcher(self, line, **how)
        self.watchers.append(watcher)
        return watcher

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_SECONDS)):
            self._step()

    def until(self, holds: Callable[[], bool], most: float = 20.0) -> None:
        """Run until `holds`, for so many seconds at most."""
        ends_at = self.now + most
        while not holds():
            assert self.now < ends_at
            self.run(STEP_SECONDS)

    def _step(self) -> None:
        self.now += STEP_SECONDS
        self._steps += 1
        self._hear()
        if self._steps % round(SOUND_SECONDS / STEP_SECONDS) == 0:
            self.media(self.sound, payload=bytes(SOUND_BYTES), timestamp=round(self.now * 48_000))
        if self._steps % _STEPS_PER_FRAME == 0:
            for layer, rate in enumerate(self.rates):
                if rate and self._steps % (_STEPS_PER_FRAME * self.paces[layer]) == 0:
                    self._frame(layer, rate)
        if self._steps % _STEPS_PER_TICK == 0:
            self._tick()
        for watcher in self.watchers:
            watcher.step()

    def _frame(self, layer: int, rate: int) -> None:
        began = self.keyframes_at[layer]
        asked = self.answers and layer in self._wanted
        keyframe = asked or not began or self.now - began[-1] >= self.keyframe_seconds
        if keyframe:
            began.append(self.now)
            self._wanted.discard(layer)
        octets = rate / 8 / _FRAMES_PER_SECOND * self.paces[layer] * (3 if keyframe else 1)
        packets = math.ceil(octets / PACKET_BYTES)
        is_upper = self._temporal and not keyframe and self._pictures[layer] % 2 == 1
        self.picture(layer, keyframe=keyframe, packets=packets, size=round(octets / packets), upper=is_upper)

    def _hear(self) -> None:
        """Take the keyframe requests that have come."""
        told, self.publisher.told = self.publisher.told, []
        for packet in (packet for compound in told for packet in parse_compound(compound)):
            if isinstance(packet, Pli):
                layer = self.publisher.ssrcs.index(packet.media_ssrc)
                self.asked_at[layer].append(self.now)
                self._wanted.add(layer)

    def _tick(self) -> None:
        self.feedback.tick(self.now)
        if self.now - self._measured_at >= 1.0:
            self._measured_at = self.now
            for sent in self.feed.sent:
                sent.measure(self.now)
            layers = [track.sent for track in self.tracks if track.ids is not None and track.live(self.now)]
            self._starved_layers.look(layers)
            self.feed.ladder = ladder.measure(self.feed, self.tracks, self.now)
        for watcher in self.watchers:
            watcher.tick()


class Watcher:
    """A viewer, and what its line tells: a REMB each 0.2 s, as of browsers, and round trips behind a queue.

    The line loses nothing, and all comes at once: its queue is only told of.
    """

    def __init__(self, world: ShownWorld, line: float, **how: Any) -> None:
        assert world.feed.ladder is not None
        self.world = world
        self.line = line
        self.got: list[tuple[float, RtpPacket]] = []  # when each packet came
        self.far: FarViewer = world.join(
            wires(layers=len(world.rates), thinned=True, **how),
            rendition=world.feed.ladder.renditions[0].number,
        )
        assert self.far.playback.picture is not None
        self.picture: ViewerPicture = self.far.playback.picture
        self.stepped = 0  # how often it was
        self._arrived: deque[tuple[float, int]] = (
            deque()
        )  # of the last second: octets of pictures and padding
        self._estimate = 0.0
        self._says_at = world.now
        self._sent = self._passed = 0.0  # bits of pictures and padding: into its queue, and out of it
        self.answers = True  # whether it answers pings
        self._asked_at = world.now
        self._asked: deque[tuple[float, float]] = deque()  # pings: what was sent before each, and when

    def step(self) -> None:
        if self.far.playback.steps:
            self.stepped += 1
            self.far.playback.step(self.world.now)
        for at, datagram in self.far.arrivals():
            (packet,) = self.far.packets([datagram])
            self.got.append((at, packet))
            if packet.ssrc in (PICTURE, PICTURE_RTX):
                octets = len(packet.payload) + (PACKET_OVERHEAD if packet.padding else 0)
                self._arrived.append((at, octets))
                self._sent += octets * 8
        self._sent = min(self._sent, self._passed + self.line * LONGEST_QUEUE)
        self._passed = min(self._sent, self._passed + self.line * STEP_SECONDS)
        while self._asked and self._passed >= min(self._asked[0][0], self._sent):
            seconds = EMPTY_SECONDS + self.world.now - self._asked.popleft()[1]
            self.far.playback.measured(seconds, self.world.now)

    def tick(self) -> None:
        self.far.playback.tick(self.world.now)
        if self.answers and self.world.now - self._asked_at >= self.far.playback.measure_seconds:
            self._asked_at = self.world.now
            self._asked.append((self._sent, self.world.now))
        if self.world.now - self._says_at >= 0.2 and self._arrived:
            self._says_at = self.world.now
            self._say()

    def _say(self) -> None:
        while self._arrived and self._arrived[0][0] <= self.world.now - 0.5:
            self._arrived.popleft()
        rate = sum(octets for _, octets in self._arrived) * 8 / 0.5
        if rate > self.line:
            self._estimate = min(0.85 * self.line, 0.95 * self._estimate)
        elif not self._estimate:
            self._estimate = 1.5 * rate
        else:  # it grows by 8 % a second, to 1.5 times what comes in
            self._estimate = max(self._estimate, min(self._estimate * 1.016 + 500, 1.5 * rate + 10_000))
        self.far.says(remb(REPORTER, round(self._estimate), [PICTURE]))

    def leave(self) -> None:
        self.world.watchers.remove(self)
        self.far.leave()

    # --- what it got

    @property
    def rendition(self) -> int | None:
        return self.far.viewer.rendition

    @property
    def is_probed(self) -> bool:
        return self.picture._choice.is_probing

    def pictures(self, since: float = 0.0) -> list[RtpPacket]:
        return [packet for at, packet in self.got if packet.ssrc == PICTURE and at > since]

    def padding(self, since: float = 0.0) -> list[RtpPacket]:
        """What came in the stream of retransmissions with nothing of its own."""
        return [
            packet for at, packet in self.got if packet.ssrc == PICTURE_RTX and packet.padding and at > since
        ]

    def layers(self, since: float = 0.0) -> set[int]:
        """Of the pictures that it got."""
        return {packet.payload[4] for packet in self.pictures(since)}

    def rate(self, since: float) -> float:
        """Bits a second, all together: of sound and padding with their headers, of pictures without them."""
        came = [packet for at, packet in self.got if at > since]
        sounds = sum(packet.ssrc not in (PICTURE, PICTURE_RTX) for packet in came)
        headers = sounds + sum(packet.padding > 0 for packet in came)
        octets = sum(len(packet.payload) for packet in came) + headers * PACKET_OVERHEAD
        return octets * 8 / (self.world.now - since)


def _published(layers: int) -> tuple[PublishedTrack, ...]:
    of_layers = (
        replace(video("VP8", payload_type=96 + rank, feedback=("nack pli",)), rid=RIDS[rank], layer=rank)
        for rank in range(layers)
    )
    return (*of_layers, sound())


def limited(
    rates: Sequence[int], line: float, seconds: float = 6.0, **how: float
) -> tuple[ShownWorld, Watcher]:
    """A viewer whose line carries less than it did, since so many seconds."""
    world = ShownWorld(rates, **how)  # type: ignore[arg-type]
    viewer = world.watch()
    world.run(3.0)
    viewer.line = line
    world.run(seconds)
    return world, viewer
