"""A publisher whose encoder the test controls: moving VP8 pictures, keyframes at intervals or on request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy
from av.video.frame import PictureType

from media.rtp.rtcp import Fir, Pli, parse_compound, sender_report
from tests.support.far_end import rtp
from tests.support.peer import SSRCS, Peer

CLOCK_RATE = 90_000
PAYLOAD_TYPE = 96
PAYLOAD_BYTES = 1100
NTP_OF_UNIX = 2_208_988_800


class Encoder:
    """VP8; `encode` gives the RTP payloads of a frame (RFC 7741 4.2)."""

    def __init__(self, size: tuple[int, int], rate: int, bitrate: int, gop: float) -> None:
        codec: Any = av.CodecContext.create("libvpx", "w")
        codec.width, codec.height = size
        codec.pix_fmt = "yuv420p"
        codec.framerate, codec.time_base = Fraction(rate), Fraction(1, rate)
        codec.gop_size = round(gop * rate)
        codec.bit_rate = bitrate
        codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        self._codec = codec
        self._size = size
        self._frames = 0
        self._noise = numpy.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=numpy.uint8)

    def encode(self, *, keyframe: bool) -> list[bytes]:
        picture = numpy.roll(self._noise, 7 * self._frames, axis=1) // 8 + 64
        left = 8 * self._frames % self._size[0]
        picture[:, left : left + 16] = 240
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self._frames, self._codec.time_base
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        self._frames += 1
        data = b"".join(bytes(packet) for packet in self._codec.encode(frame))
        chunks = [data[at : at + PAYLOAD_BYTES] for at in range(0, len(data), PAYLOAD_BYTES)]
        # with a picture ID, as browsers send it: without one Chromium drops what comes late before a keyframe
        rest = b"\x80" + (0x8000 | self._frames & 0x7FFF).to_bytes(2)
        return [(b"\x90" if n == 0 else b"\x80") + rest + chunk for n, chunk in enumerate(chunks)]


class Camera:
    """Publishes until it is closed. It answers keyframe requests if it `listens`; `asked` counts them."""

    def __init__(
        self,
        *,
        listens: bool = True,
        gop: float = 4.0,
        size: tuple[int, int] = (320, 240),
        rate: int = 30,
        bitrate: int = 600_000,
    ) -> None:
        self.asked = self.frames = 0
        self._listens = listens
        self._rate = rate
        self._encoder = Encoder(size, rate, bitrate, gop)
        self._peer = Peer(publishes=True)
        self._sequence = 0

    @contextlib.asynccontextmanager
    async def publishing(self, http: httpx.AsyncClient, url: str) -> AsyncIterator[None]:
        headers = {"Content-Type": "application/sdp"}
        response = await http.post(url, content=self._peer.offer(), headers=headers)
        assert response.status_code == 201, response.text
        await self._peer.connect(response.text)
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._peer.close()
        assert task.cancelled(), task.exception()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        while True:
            await asyncio.sleep(start + self.frames / self._rate - loop.time())
            self._send_frame(keyframe=self._is_asked() and self._listens)
            if self.frames % self._rate == 0:
                self._report()

    def _is_asked(self) -> bool:
        packets = [packet for compound in self._peer.rtcp for packet in parse_compound(compound)]
        self._peer.rtcp.clear()
        asked = sum(isinstance(packet, Pli | Fir) for packet in packets)
        self.asked += asked
        return bool(asked)

    def _send_frame(self, *, keyframe: bool) -> None:
        payloads = self._encoder.encode(keyframe=keyframe)
        for number, payload in enumerate(payloads, 1):
            self._sequence += 1
            packet = rtp(
                self._sequence,
                payload,
                payload_type=PAYLOAD_TYPE,
                timestamp=self._timestamp,
                ssrc=SSRCS[PAYLOAD_TYPE],
                marker=number == len(payloads),
            )
            self._peer.send_rtp(packet)
        self.frames += 1

    @property
    def _timestamp(self) -> int:
        return self.frames * CLOCK_RATE // self._rate

    def _report(self) -> None:
        ntp = int((self.frames / self._rate + NTP_OF_UNIX) * (1 << 32))
        self._peer.send_rtcp(sender_report(SSRCS[PAYLOAD_TYPE], ntp, self._timestamp, self._sequence, 0))
