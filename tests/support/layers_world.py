"""A room with layers of one picture, and sound; and a viewer that changes from rendition to rendition."""

from collections.abc import Sequence
from typing import Any

from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.packet import RtpPacket
from media.rtp.srtp import Profile
from media.switch.changeover import Changeover, WantKeyframe
from media.switch.join_burst import JoinBurst
from media.switch.wire import Wire
from media.tracks.sent_track import JoinBurstMode
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import FarViewer
from tests.support.nonce_watch import NonceWatch
from tests.support.published import sound, video
from tests.support.world import World

LAYERS = (0, 1, 2)
SOUND = 3
LOWEST, KEYFRAMES = 4, 5  # the thinned forms of the poorest layer
PICTURE, PICTURE_RTX = 0xAAAA0001, 0xAAAA0003  # SSRCs on viewers' wires
PUBLISHED = (*(video("VP8", payload_type=96 + layer) for layer in LAYERS), sound())
_SSRCS = (0x51, 0x52, 0x53, 0x54)


def wires(
    *,
    rtx: bool = True,
    layers: int = 3,
    thinned: bool = False,
    sent_at: int | None = None,
    number: int | None = None,
) -> list[Wire | None]:
    """The thinned forms are behind the sound."""
    picture = Wire(100, {}, nack=True, rtx=101 if rtx else None, sent_at=sent_at, number=number, ssrc=PICTURE)
    return [*[picture] * layers, Wire(111, {}), *[picture] * (2 if thinned else 0)]


class LayersWorld(World):
    """Each layer has timestamps and numbers of its own; `ahead` are the ticks by which they differ.

    Its pictures are of VP8 with two temporal layers (RFC 7741 4.2).
    """

    def __init__(
        self,
        indexes: Sequence[int] = (1, 1, 1),
        ahead: Sequence[int] = (0, 7_000, 0xFFFF_0000),
        *,
        published: Sequence[PublishedTrack] = PUBLISHED,
        thinned: bool = False,
        join_burst: JoinBurstMode = "off",
    ) -> None:
        super().__init__(published, join_burst=join_burst, publisher=_publisher(published), thinned=thinned)
        self._ahead = ahead
        self.lost: list[bytes] = []  # what its publisher has sent and did not come
        self._pictures = [0] * len(indexes)
        self.tracks[0].sent.ssrc, self.tracks[0].sent.rtx_ssrc = PICTURE, PICTURE_RTX
        self.feed.ssrcs = [sent.ssrc for sent in self.feed.sent]
        for layer, index in enumerate(indexes):
            self.tracks[layer].source.translator.next_index = index

    def keyframes(self) -> None:
        """One of each layer."""
        for layer in LAYERS:
            self.picture(layer, keyframe=True)

    def picture(
        self,
        layer: int,
        *,
        keyframe: bool = False,
        packets: int = 2,
        lost: Sequence[int] = (),
        upper: bool = False,
        size: int = 0,
    ) -> list[bytes]:
        """Send one picture of a layer in one batch, but for the packets that are lost on the way in; returns
        the payloads of all, each of `size` bytes at least. With `upper` it is of the upper temporal layer."""
        self._pictures[layer] += 1
        number = self._pictures[layer]
        payloads: list[bytes] = []
        datagrams: list[bytes] = []
        for place in range(packets):
            begins = place == 0
            head = bytes((0x90 if begins else 0x80, 0x20, upper << 6 | upper << 5, not (keyframe and begins)))
            payload = (head + bytes((layer, place)) + number.to_bytes(4)).ljust(size, b"\0")
            payloads.append(payload)
            timestamp = round(self.now * 90_000) + self._ahead[layer] & 0xFFFFFFFF
            datagram = self.publisher.packet(layer, payload, timestamp=timestamp, marker=place == packets - 1)
            (self.lost if place in lost else datagrams).append(datagram)
        self.receive(*datagrams)
        return payloads

    def take_over(self) -> None:
        self.succeed(publisher=_publisher(self.published))


def _publisher(published: Sequence[PublishedTrack]) -> FarPublisher:
    return FarPublisher(published, ssrcs=_SSRCS[: len(published)])


class ChangingViewer:
    """A viewer that begins with a layer, and what it got of the picture, in the order of its numbers."""

    def __init__(
        self,
        world: LayersWorld,
        layer: int | None = 0,
        profile: Profile = Profile.AEAD_AES_128_GCM,
        *,
        watch: NonceWatch | None = None,
        want_keyframe: WantKeyframe | None = None,
        **how: Any,
    ) -> None:
        """`how` is for `wires`."""
        self.world = world
        forms = wires(thinned=world.feed.thinning is not None, **how)
        self.far: FarViewer = world.join(forms, profile, layer)
        if watch is not None:
            watch.watch(self.far.viewer.sender, self.far.keys)
        self.change = Changeover(
            world.switch,
            world.feed,
            self.far.viewer,
            want_keyframe or world.feedback.want_keyframe,
            world.feedback.play_time,
            self.far.stats,
            world.now,
        )
        self.change.begins = self.far.playback._join.gone_on

    def aim(self, layer: int | None, *, pause: bool = False) -> None:
        self.change.aim(layer, self.world.now, pause=pause)

    def step(self) -> None:
        """Send what is due of keyframes alone, and of a picture that begins."""
        self.change.send_due(self.world.now)

    @property
    def waits(self) -> bool:
        """Whether some of the picture waits for its pace."""
        behind = self.far.viewer.behind
        return isinstance(behind, JoinBurst) and not behind.is_empty

    def pictures(self) -> list[RtpPacket]:
        """The packets of the picture that came since the last look."""
        return [packet for packet in self.far.packets() if packet.ssrc == PICTURE]

    def leave(self) -> None:
        self.change.end()
        self.far.leave()
