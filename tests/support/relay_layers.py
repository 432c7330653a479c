"""Two workers and a room whose picture has three layers; at the edge, viewers of one layer each."""

from dataclasses import replace

from media.rtp.packet import RtpPacket, is_rtcp, parse
from media.rtp.srtp import SrtpKeys
from media.switch.changeover import Changeover
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.transport.address import Address
from tests.support.far_end import far_receiver, new_keys
from tests.support.published import sound, video
from tests.support.relay_world import EDGE_AT, Cluster, Worker

LAYERS = (0, 1, 2)
SOUND = 3
RIDS = ("f", "h", "q")
TRACKS = (
    *(
        replace(video(payload_type=45 + rank, feedback=["nack pli"]), rid=rid, layer=rank)
        for rank, rid in enumerate(RIDS)
    ),
    sound(payload_type=63),
)
PICTURE = 0xAAAA0001  # on viewers' wires
WIRES = (*(Wire(101, {}, nack=True, ssrc=PICTURE) for _ in LAYERS), Wire(102, {}))
FRAME = 1 / 30


class EdgeViewer:
    """A viewer of one layer, or of the sound alone, at the edge or another worker."""

    def __init__(
        self, cluster: "LayersCluster", layer: int | None, port: int, at: Worker | None = None
    ) -> None:
        self._cluster = cluster
        self._worker = at or cluster.edge
        self._keys: SrtpKeys = new_keys()
        self._address = ("192.0.2.3", port)
        room = self._worker.room
        self.viewer: Viewer = self._worker.switch.add_viewer(
            room.feed, self._keys, WIRES, self._address, now=cluster.clock.now, rendition=layer
        )
        self._change = Changeover(
            self._worker.switch,
            room.feed,
            self.viewer,
            room.publisher.want_keyframe,
            room.publisher.play_time,
            cluster.stats,
            cluster.clock.now,
        )

    def aim(self, layer: int | None) -> None:
        self._change.aim(layer, self._cluster.clock.now, pause=False)

    def tick(self) -> None:
        self._change.tick(self._cluster.clock.now)

    def leave(self) -> None:
        self._cluster.viewers.remove(self)
        self._change.end()
        self._worker.switch.remove_viewer(self._worker.room.feed, self.viewer)

    def got(self) -> list[RtpPacket]:
        """All of the picture that it has got."""
        unprotect = far_receiver(self._keys).unprotect
        packets = [parse(unprotect(data)) for to, data in self._worker.sent if to == self._address]
        return [packet for packet in packets if packet.ssrc == PICTURE]

    def layers_got(self) -> list[int]:
        """The layers of its pictures, each change."""
        found: list[int] = []
        for packet in self.got():
            layer = packet.payload[2]
            if found[-1:] != [layer]:
                found.append(layer)
        return found


class LayersCluster(Cluster):
    """Its publisher answers keyframe requests with its next picture if it `listens`."""

    def __init__(self, *, listens: bool = True) -> None:
        super().__init__(TRACKS)
        self._listens = listens
        self._is_open = False
        self.frames = [0] * len(LAYERS)
        self.asked: list[set[int]] = []  # of which layers keyframes were requested, by frame
        self.sends = set(LAYERS)
        self.paces = [1] * len(LAYERS)  # only every nth picture of a layer comes
        self.viewers: list[EdgeViewer] = []
        self._ports = iter(range(5_000, 6_000))

    def watch(self, layer: int | None) -> EdgeViewer:
        viewer = EdgeViewer(self, layer, next(self._ports))
        self.viewers.append(viewer)
        return viewer

    def admit(self) -> None:
        """Viewers come when a test lets them."""
        self._is_open = True

    def pass_time(self, seconds: float, step: float = 0.1) -> None:
        if self._is_open:
            super().pass_time(seconds, step)
            return
        self.clock.now += seconds
        self.origin.room.tick(self.clock.now)

    def frame(self, *keyframes: int) -> None:
        """Let a thirtieth of a second pass, in which each layer sends one picture."""
        asked = {ssrc - 1 for ssrc in self.publisher.keyframe_requests()}
        self.asked.append(asked)
        due = [layer for layer in sorted(self.sends) if len(self.asked) % self.paces[layer] == 0]
        for layer in due:
            self.frames[layer] += 1
            begins = layer in keyframes or (self._listens and layer in asked) or self.frames[layer] == 1
            payload = (b"\x10\x00" if begins else b"\x10\x01") + bytes((layer,))
            number = self.frames[layer]
            datagram = self.publisher.packet(layer, payload, sequence=number, timestamp=3_000 * number)
            self.origin.forward([(self.origin.room.feed, [datagram])])
        for viewer in self.viewers:
            viewer.tick()
        self.pass_time(FRAME, step=FRAME)

    def play(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME)):
            self.frame()

    def on_the_line(self, sender: Worker | None = None, to: Address = EDGE_AT) -> list[int]:
        """The layer of each packet that has come to the edge from its origin since the last call."""
        sender = sender or self.origin
        sent, sender.sent = sender.sent, []
        return [(data[1] & 0x7F) - 96 for address, data in sent if address == to and not is_rtcp(data)]
