"""A WHIP publisher of real pictures and sound that can be killed silently and come back."""

import asyncio
import random
import time
from collections.abc import Sequence
from urllib.parse import urljoin

import httpx

from media.rtp.packet import parse
from media.rtp.rtcp import Pli, parse_compound
from tests.support.far_end import rtp
from tests.support.peer import Peer
from tests.support.rtp_source import Sent, encode_audio, encode_video, packetize
from tests.support.waiting import eventually

SDP = {"Content-Type": "application/sdp"}
VP8, OPUS = 96, 111
LOOP_SECONDS, KEYFRAME_SECONDS = 2.0, 1.0
CLOCK_RATES = {VP8: 90_000, OPUS: 48_000}
RETRY_SECONDS = 0.2
BEGIN_AT = 0.4  # seconds into the programme


class Programme:
    """Some seconds of a moving bar, with a flash and a beep in each, encoded once and sent over and over."""

    def __init__(self) -> None:
        at = [0.5 + n for n in range(int(LOOP_SECONDS))]
        pictures = packetize(
            "VP8", encode_video("VP8", LOOP_SECONDS, flashes=at, keyframe_every=KEYFRAME_SECONDS)
        )
        sound = packetize("opus", encode_audio(LOOP_SECONDS, beeps=at))
        self.packets: Sequence[tuple[int, Sent]] = sorted(
            [(VP8, sent) for sent in pictures] + [(OPUS, sent) for sent in sound], key=lambda item: item[1].at
        )


class LivePublisher:
    """One life of a publisher. It begins amid the programme, without a keyframe, and ignores PLI."""

    def __init__(self, http: httpx.AsyncClient, url: str, programme: Programme, seed: int) -> None:
        chance = random.Random(seed)
        self._http, self._url = http, url
        self._programme = programme
        self._ssrcs = {kind: chance.randrange(1, 2**32) for kind in CLOCK_RATES}
        self._sequences = {kind: chance.randrange(2**15) for kind in CLOCK_RATES}
        self._timestamps = {kind: chance.randrange(2**32) for kind in CLOCK_RATES}
        self._sending: asyncio.Task[None] | None = None
        self.peer = Peer(publishes=True)
        self.session_url = ""
        self.refusals = 0
        self.keyframe_at: float | None = None  # Unix time at which its first one began

    async def start(self, within: float) -> None:
        """Offer until the room is free, connect, and send."""

        async def answer() -> str | None:
            response = await self._http.post(self._url, content=self.peer.offer(), headers=SDP)
            if response.status_code == 409:
                self.refusals += 1
                return None
            assert response.status_code == 201, response.text
            self.session_url = urljoin(self._url, response.headers["Location"])
            return response.text

        await self.peer.connect(await eventually("the room is free", answer, within, every=RETRY_SECONDS))
        self._sending = asyncio.create_task(self._send())

    def kill(self) -> None:
        """No DTLS alert, no DELETE, nothing."""
        if self._sending is not None:
            self._sending.cancel()
        self.peer.close(without_a_word=True)

    @property
    def keyframes_asked(self) -> int:
        """How often, by PLI."""
        return sum(isinstance(p, Pli) for compound in self.peer.rtcp for p in parse_compound(compound))

    async def _send(self) -> None:
        packets = self._programme.packets
        at = next(i for i, (_, sent) in enumerate(packets) if sent.at >= BEGIN_AT)
        began, first = time.monotonic(), packets[at][1].at
        while True:
            turns, index = divmod(at, len(packets))
            kind, sent = packets[index]
            offset = turns * LOOP_SECONDS + sent.at - first
            await asyncio.sleep(max(0.0, began + offset - time.monotonic()))
            self._send_one(kind, sent, offset)
            at += 1

    def _send_one(self, kind: int, sent: Sent, offset: float) -> None:
        packet = parse(sent.data)
        if kind == VP8 and self.keyframe_at is None and round(sent.at, 3) % KEYFRAME_SECONDS == 0:
            self.keyframe_at = time.time()
        self._sequences[kind] += 1
        self.peer.send_rtp(
            rtp(
                self._sequences[kind],
                packet.payload,
                payload_type=kind,
                timestamp=self._timestamps[kind] + round(offset * CLOCK_RATES[kind]),
                ssrc=self._ssrcs[kind],
                marker=packet.marker,
            )
        )
