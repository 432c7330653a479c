"""A room with three layers of one picture, and sound; and a viewer that changes from layer to layer."""

from collections.abc import Sequence

from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.packet import RtpPacket
from media.rtp.srtp import Profile
from media.switch.changeover import Changeover
from media.switch.wire import Wire
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import FarViewer
from tests.support.nonce_watch import NonceWatch
from tests.support.published import sound, video
from tests.support.world import World

LAYERS = (0, 1, 2)
SOUND = 3
PICTURE, PICTURE_RTX = 0xAAAA0001, 0xAAAA0003  # SSRCs on viewers' wires
_VP8_KEYFRAME, _VP8_OTHER = b"\x10\x00", b"\x10\x01"
PUBLISHED = (*(video("VP8", payload_type=96 + layer) for layer in LAYERS), sound())
TICKS = 3000


def wires(*, rtx: bool) -> list[Wire | None]:
    picture = Wire(100, {}, nack=True, rtx=101 if rtx else None, ssrc=PICTURE)
    return [picture, picture, picture, Wire(111, {})]


class LayersWorld(World):
    """Each layer has timestamps and numbers of its own; `ahead` are the ticks by which they differ."""

    def __init__(
        self, indexes: Sequence[int] = (1, 1, 1), ahead: Sequence[int] = (0, 7_000, 0xFFFF_0000)
    ) -> None:
        super().__init__(PUBLISHED, join_burst="off", publisher=_publisher(PUBLISHED))
        self._ahead = ahead
        self.lost: list[bytes] = []  # what its publisher has sent and did not come
        self._pictures = [0] * len(LAYERS)
        self.tracks[0].sent.ssrc, self.tracks[0].sent.rtx_ssrc = PICTURE, PICTURE_RTX
        self.feed.ssrcs = [track.sent.ssrc for track in self.tracks]
        for layer, index in zip(LAYERS, indexes, strict=True):
            self.tracks[layer].source.translator.next_index = index

    def picture(
        self, layer: int, *, keyframe: bool = False, packets: int = 2, lost: Sequence[int] = ()
    ) -> list[bytes]:
        """Send one picture of a layer in one batch, but for the packets that are lost on the way in; returns
        the payloads of all."""
        self._pictures[layer] += 1
        number = self._pictures[layer]
        head = _VP8_KEYFRAME if keyframe else _VP8_OTHER
        payloads: list[bytes] = []
        datagrams: list[bytes] = []
        for place in range(packets):
            payload = (head if place == 0 else b"\x00\x00") + bytes((layer, place)) + number.to_bytes(4)
            payloads.append(payload)
            timestamp = round(self.now * 90_000) + self._ahead[layer] & 0xFFFFFFFF
            datagram = self.publisher.packet(layer, payload, timestamp=timestamp)
            (self.lost if place in lost else datagrams).append(datagram)
        self.receive(*datagrams)
        return payloads

    def take_over(self) -> None:
        self.succeed(publisher=_publisher(PUBLISHED))


def _publisher(published: Sequence[PublishedTrack]) -> FarPublisher:
    return FarPublisher(published, ssrcs=(0x51, 0x52, 0x53, 0x54))


class ChangingViewer:
    """A viewer that begins with a layer, and what it got of the picture, in the order of its numbers."""

    def __init__(
        self,
        world: LayersWorld,
        layer: int | None = 0,
        profile: Profile = Profile.AEAD_AES_128_GCM,
        *,
        rtx: bool = True,
        watch: NonceWatch | None = None,
    ) -> None:
        self.world = world
        self.far: FarViewer = world.join(wires(rtx=rtx), profile, layer)
        if watch is not None:
            watch.watch(self.far.viewer.sender, self.far.keys)
        self.change = Changeover(
            world.switch,
            world.feed,
            self.far.viewer,
            world.feedback.want_keyframe,
            world.feedback.play_time,
            self.far.stats,
        )

    def aim(self, layer: int | None, *, pause: bool = False) -> None:
        self.change.aim(layer, self.world.now, pause=pause)

    def pictures(self) -> list[RtpPacket]:
        """The packets of the picture that came since the last look."""
        return [packet for packet in self.far.packets() if packet.ssrc == PICTURE]

    def leave(self) -> None:
        self.change.end()
        self.far.leave()
