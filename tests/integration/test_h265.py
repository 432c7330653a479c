"""H.265 from a publisher to a viewer that joins later, decodes what comes, and looks at it."""

import av
import numpy as np

from media.payload.h265 import H265Depacketizer
from media.rtp.packet import parse
from media.rtp.rtcp import Pli, parse_compound
from tests.support.encoded import HEIGHT, RATE, WIDTH, Frame, encode
from tests.support.far_end import rtp
from tests.support.peer import IN_TIME, SSRCS, Peer
from tests.support.plane import Plane, running_plane
from tests.support.waiting import eventually

FRAMES, GOP = 16, 8
# as Safari offers it, and at a level that is enough for all that browsers send
OFFERED = (
    "a=rtpmap:96 H265/90000",
    "a=fmtp:96 level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST",
    "a=rtcp-fb:96 nack pli",
)


class Client(Peer):
    """Has a picture in H.265, and no sound."""

    def __init__(self, *, publishes: bool) -> None:
        super().__init__(publishes=publishes, sound=(), picture=OFFERED)
        self._next = 1

    async def send_frame(self, plane: Plane, number: int, frame: Frame) -> None:
        """Returns when it has come: a socket does not hold many of them."""
        for payload in frame.payloads:
            ends = payload is frame.payloads[-1]
            timestamp = number * 90_000 // RATE
            self.send_rtp(rtp(self._next, payload, timestamp=timestamp, ssrc=SSRCS[96], marker=ends))
            self._next += 1
        await eventually("it came", lambda: plane.room.feed.rx_packets == self._next - 1, IN_TIME)

    def was_asked_for_a_keyframe(self) -> bool:
        return any(isinstance(packet, Pli) for compound in self.rtcp for packet in parse_compound(compound))

    def pictures(self) -> list[bytes]:
        """The pictures that have come, as a byte stream."""
        depacketizer, found = H265Depacketizer(), []
        payloads: list[bytes] = []
        for packet in map(parse, self.rtp):
            payloads.append(packet.payload)
            if packet.marker:
                made = depacketizer.picture(payloads)
                found += [made.data] if made else []
                payloads = []
        return found


async def connected(plane: Plane, *, publishes: bool) -> Client:
    client = Client(publishes=publishes)
    plane.peers.append(client)
    await plane.connect(client, await plane.ask(client, publishes=publishes))
    return client


def decoded(pictures: list[bytes]) -> list[np.ndarray]:
    """The brightness of each."""
    decoder = av.CodecContext.create("hevc", "r")
    frames = [frame for data in (*pictures, None) for frame in decoder.decode(data and av.Packet(data))]
    return [frame.to_ndarray()[: frame.height].astype(float) for frame in frames]


async def test_a_viewer_decodes_what_was_published(redis_url: str) -> None:
    stream = encode("H265", frames=FRAMES, gop=GOP, crf="45")  # few packets: sockets hold no more
    async with running_plane(redis_url) as plane:
        publisher = await connected(plane, publishes=True)
        for number in range(GOP):
            await publisher.send_frame(plane, number, stream[number])
        assert plane.room.tracks[0].size == (WIDTH, HEIGHT)
        viewer = await connected(plane, publishes=False)
        await eventually("a keyframe is asked for", publisher.was_asked_for_a_keyframe, IN_TIME)
        for number in range(GOP, FRAMES):
            await publisher.send_frame(plane, number, stream[number])
        last = stream[-1].payloads[-1]
        await eventually(
            "the last came", lambda: last in (parse(each).payload for each in viewer.rtp), IN_TIME
        )
    meant = decoded([frame.data for frame in stream])
    seen = decoded(viewer.pictures())
    assert len(seen) >= FRAMES - GOP  # it may begin with a keyframe that was kept
    assert np.array_equal(seen, meant[-len(seen) :])
