"""A world with pictures: a publisher that sends frames, some of them keyframes, and viewers that join."""

from typing import Any

from media.feedback.playback import ask_early
from media.rtp.packet import RtpPacket, parse
from media.rtp.rtcp import Pli, parse_compound
from media.tracks.keyframe_requests import KeyframeRequests
from media.tracks.sent_track import JoinBurstMode, SentTrack
from tests.support.far_end import far_receiver
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import FarViewer
from tests.support.published import AUDIO, VIDEO, sound, video
from tests.support.world import SSRCS, Stopped, World

FRAME_SECONDS = 1 / 30
FRAME_PACKETS = 6
TURN_SECONDS = 0.005
# VP8: a keyframe's first packet, another's, and the rest.
KEY, DELTA, MORE = b"\x10\x00", b"\x10\x01", b"\x00\x00"


class Camera(FarPublisher):
    """Sends a keyframe every `gop` seconds and, if it `answers`, when it is asked.

    `asked` counts the requests. Its first frame is a keyframe, unless it begins `amid` a group of pictures.
    """

    def __init__(self, *how: Any, gop: float, answers: bool, amid: float | None) -> None:
        super().__init__(*how)
        self._gop = gop
        self._answers = answers
        self._wanted = amid is None
        self._keyframe_at = -gop if amid is None else amid
        self._frames = 0
        self.asked = 0

    def receive(self, compound: bytes, now: float) -> None:
        if any(isinstance(packet, Pli) for packet in parse_compound(compound)):
            self.asked += 1
            self._wanted |= self._answers

    def frame(self, now: float) -> list[bytes]:
        """The packets of the next frame, and one of sound."""
        head = DELTA
        if self._wanted or now >= self._keyframe_at + self._gop - 1e-6:
            self._wanted = False
            self._keyframe_at = now
            head = KEY
        self._frames += 1
        rest = self._frames.to_bytes(4) + bytes(900)
        picture = [
            self.packet(VIDEO, (MORE if n else head) + rest, timestamp=3000 * self._frames)
            for n in range(FRAME_PACKETS)
        ]
        return [*picture, self.packet(AUDIO, b"sound")]


class PictureWorld(World):
    """`gop` and `answers` are the publisher's; a `deaf` one has not agreed to be asked at all."""

    publisher: Camera

    def __init__(
        self,
        *,
        gop: float = 4.0,
        answers: bool = False,
        deaf: bool = False,
        amid_pictures: bool = False,
        mode: JoinBurstMode = "auto",
        index: int = 1,
    ) -> None:
        published = [video(feedback=() if deaf else ("nack pli",)), sound()]
        clock = Stopped(100.0)
        camera = Camera(published, gop=gop, answers=answers, amid=clock.now if amid_pictures else None)
        super().__init__(published, index=index, join_burst=mode, publisher=camera, clock=clock)

    @property
    def picture(self) -> SentTrack:
        return self.feed.sent[VIDEO]

    @property
    def requests(self) -> KeyframeRequests:
        assert self.picture.requests is not None
        return self.picture.requests

    def join(self, *how: Any, **named: Any) -> FarViewer:
        """A viewer gets its answer, and is connected at once."""
        ask_early(self.feed, self.feedback, self.now)
        return super().join(*how, **named)

    def run(self, seconds: float) -> None:
        """Let time pass: with a frame every thirtieth of a second, and what a worker does meanwhile."""
        end = self.now + seconds - 1e-9
        frame_at = self.now
        while self.now < end:
            if self.now >= frame_at - 1e-9:
                self.receive(*self.publisher.frame(self.now))
                frame_at += FRAME_SECONDS
            self.feedback.tick(self.now)
            for viewer in self.viewers:
                viewer.playback.step(self.now)
            self.now += TURN_SECONDS


def picture_of(viewer: FarViewer, *, lost: int = 0) -> list[tuple[float, RtpPacket]]:
    """All video in its inbox, with the seconds since it joined, as read by an end that starts afresh.

    The first `lost` packets did not arrive.
    """
    unprotect = far_receiver(viewer.keys).unprotect
    packets = ((at - viewer.joined_at, parse(unprotect(datagram))) for at, datagram in viewer.inbox[lost:])
    return [(at, packet) for at, packet in packets if packet.ssrc == SSRCS[VIDEO]]


def first_keyframe(packets: list[tuple[float, RtpPacket]]) -> float:
    """When it arrived."""
    return next(at for at, packet in packets if packet.payload.startswith(KEY))


def assert_contiguous(packets: list[tuple[float, RtpPacket]]) -> None:
    sequences = [packet.sequence for _, packet in packets]
    assert sequences == [sequences[0] + n & 0xFFFF for n in range(len(sequences))]
