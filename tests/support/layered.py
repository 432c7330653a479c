"""A room whose publisher sends a picture in three layers, and its sound."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.extensions import REPAIRED_RID_EXTENSION, RID_EXTENSION, TRANSPORT_CC_EXTENSION
from media.switch.wire import Wire
from shared.sdp.sources import Sources
from tests.support.far_end import one_byte, rtp
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import FarViewer
from tests.support.published import sound, video
from tests.support.world import World

RIDS = ("f", "h", "q")  # best first; their places are the numbers of their tracks
AUDIO = 3
MEDIA_TYPE, RTX_TYPE = 96, 97
RID, REPAIRED_RID, TRANSPORT_CC = 1, 2, 3  # ids of the header extensions
FEEDBACK = ("nack", "nack pli", "transport-cc")
KEYFRAME, DELTA = b"\x10\x00 key", b"\x10\x01 delta"  # VP8


def layers(
    count: int = 3, codec: str = "unknown", feedback: Collection[str] = FEEDBACK
) -> list[PublishedTrack]:
    """The picture's tracks, as an offer with names agrees on them."""
    extensions = {
        RID_EXTENSION: RID,
        REPAIRED_RID_EXTENSION: REPAIRED_RID,
        TRANSPORT_CC_EXTENSION: TRANSPORT_CC,
    }
    one = video(codec, feedback=feedback, rtx=RTX_TYPE, extensions=extensions)
    return [replace(one, rid=RIDS[rank], layer=rank) for rank in range(count)]


def declared(*ssrcs: int) -> list[PublishedTrack]:
    """The picture's tracks, as an offer without names agrees on them. RTX has each SSRC plus 100."""
    one = video("unknown", feedback=FEEDBACK[:2], rtx=RTX_TYPE)
    return [
        replace(one, layer=rank, sources=Sources(ssrcs=(ssrc,), repairs={ssrc + 100: ssrc}))
        for rank, ssrc in enumerate(ssrcs)
    ]


class LayeredWorld(World):
    """Its packets are named by SSRC: what a layer's first ones say of themselves is up to the test."""

    def __init__(self, published: Sequence[PublishedTrack] | None = None) -> None:
        published = published or [*layers(), sound()]
        super().__init__(published, publisher=FarPublisher(published, ssrcs=range(len(published))))
        self._sequences: dict[int, int] = {}

    def watch(self) -> FarViewer:
        """A viewer that gets every layer, each under its own SSRC."""
        return self.join([Wire(96 + number, {}) for number in range(len(self.tracks))])

    def send(
        self,
        ssrc: int,
        payload: bytes = b"media",
        *,
        rid: str = "",
        repairs: str = "",
        payload_type: int = MEDIA_TYPE,
        sequence: int | None = None,
        timestamp: int | None = None,
        number: int | None = None,
    ) -> None:
        """The next packet of that SSRC; `number` is its transport-wide one."""
        elements = [
            (element, value)
            for element, value in (
                (RID, rid.encode()),
                (REPAIRED_RID, repairs.encode()),
                (TRANSPORT_CC, b"" if number is None else number.to_bytes(2)),
            )
            if value
        ]
        if sequence is None:
            sequence = self._sequences[ssrc] = self._sequences.get(ssrc, 0) + 1
        plain = rtp(
            sequence,
            payload,
            payload_type=payload_type,
            timestamp=3000 * sequence if timestamp is None else timestamp,
            ssrc=ssrc,
            extension=one_byte(*elements) if elements else None,
        )
        self.receive(self.publisher.protect(plain, sequence))

    def send_again(self, ssrc: int, sequence: int, payload: bytes, repairs: str = "") -> None:
        """A packet of RTX, of that SSRC, that brings back the one of `sequence`."""
        self.send(ssrc, sequence.to_bytes(2) + payload, repairs=repairs, payload_type=RTX_TYPE)


def got(viewer: FarViewer) -> list[tuple[int, bytes]]:
    """Track and payload of what came since the last look."""
    return [(packet.payload_type - 96, packet.payload) for packet in viewer.packets()]
