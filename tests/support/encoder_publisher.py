"""A WHIP publisher like OBS: sends what an encoder made, at its pace, and reports the times of sending."""

import asyncio
import random
import time
from collections.abc import Sequence
from urllib.parse import urljoin

import httpx

from media.rtp.packet import parse
from media.rtp.rtcp import sender_report
from tests.support.far_end import rtp
from tests.support.peer import Peer
from tests.support.rtp_source import Sent, merged
from tests.support.sdp import OPUS

_PICTURES = {
    "VP8": ("a=rtpmap:96 VP8/90000",),
    "AV1": ("a=rtpmap:96 AV1/90000",),
    "H264": (
        "a=rtpmap:96 H264/90000",
        "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    ),
}
_KINDS = (111, 96)  # payload types of sound and picture
_REPORT_SECONDS = 1.0
_NTP_EPOCH = 2_208_988_800


async def publish(
    http: httpx.AsyncClient,
    url: str,
    codec: str,
    sound: Sequence[Sent],
    picture: Sequence[Sent],
    seed: int = 0,
) -> None:
    """Publish to a room from the first packet to the last, then leave."""
    peer = Peer(publishes=True, sound=OPUS, picture=_PICTURES[codec])
    response = await http.post(url, content=peer.offer(), headers={"Content-Type": "application/sdp"})
    assert response.status_code == 201, response.text
    await peer.connect(response.text)
    chance = random.Random(seed)
    first = [chance.getrandbits(32) for _ in _KINDS]
    ssrcs = [chance.randrange(1, 1 << 32) for _ in _KINDS]
    base = [parse(track[0].data).timestamp for track in (sound, picture)]
    sequences, due = [chance.randrange(1 << 15) for _ in _KINDS], [_REPORT_SECONDS, _REPORT_SECONDS]
    began, start = time.monotonic(), min(sound[0].at, picture[0].at)
    for track, sent in merged(sound, picture):
        await asyncio.sleep(max(0.0, began + sent.at - start - time.monotonic()))
        packet = parse(sent.data)
        timestamp = packet.timestamp - base[track] + first[track] & 0xFFFFFFFF
        sequences[track] = sequences[track] + 1 & 0xFFFF
        peer.send_rtp(
            rtp(
                sequences[track],
                packet.payload,
                payload_type=_KINDS[track],
                timestamp=timestamp,
                ssrc=ssrcs[track],
                marker=packet.marker,
            )
        )
        if sent.at - start >= due[track]:
            due[track] += _REPORT_SECONDS
            late = chance.uniform(0, 0.009)  # OBS writes when it sends, not when the frame was taken
            ntp = round((time.time() + late + _NTP_EPOCH) * (1 << 32))
            peer.send_rtcp(sender_report(ssrcs[track], ntp, timestamp, 0, 0))
    assert (await http.delete(urljoin(url, response.headers["Location"]))).status_code == 200
    peer.close()
