"""One room of a worker, without sockets and clocks: its publisher, the real switch, and its viewers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from media.counts import PublisherStats
from media.feedback.publisher_feedback import REPORT_SECONDS, PublisherFeedback
from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.sequence import SequenceTranslator
from media.rtp.srtp import Profile
from media.switch.feed import Feed
from media.switch.redundant_sound import RedundantSound
from media.switch.switch import PacketSwitch, Received
from media.switch.thinning import Thinning
from media.switch.wire import Wire
from media.tracks.sent_track import JoinBurstMode
from media.tracks.track import Track, new_tracks, succeed
from media.transport.address import Address
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import PLAIN, FarViewer
from tests.support.native_loop import looped_fan_out, used_opener
from tests.support.published import sound, video

SSRCS = (0xAAAA0001, 0xBBBB0002)  # the room's
RTX_SSRCS = (0xAAAA0003, 0xBBBB0004)
UNIX = 1_700_095_536.0  # Unix time when a world's clock shows 0; in NTP seconds bits 15 and 16 are set
# The codec is one whose keyframes nobody finds: nothing is held back for them, and no picture is kept.
WITHOUT_KEYFRAMES = (video("unknown"), sound())


@dataclass
class Stopped:
    """A clock that only a test moves."""

    now: float


class _Feedback(PublisherFeedback):
    """Notes when viewers needed a keyframe, whether the publisher was asked for it or not."""

    def __init__(self, *how: Any) -> None:
        super().__init__(*how)
        self.wishes: list[float] = []

    def want_keyframe(self, number: int, now: float, *, urgent: bool = False) -> None:
        if self._tracks[number].kind == "video":
            self.wishes.append(now)
        super().want_keyframe(number, now, urgent=urgent)


class World:
    """A room whose publisher has connected and has sent nothing yet. Time passes when a test sets `now`.

    The first packet of each track gets `index` and the timestamp 0. The room shares its switch and its clock
    with the one `beside` it. A `thinned` one has the thinned forms of its picture, too, and a `redundant` one
    those of its sound.
    """

    def __init__(
        self,
        published: Sequence[PublishedTrack] = WITHOUT_KEYFRAMES,
        *,
        index: int = 1,
        join_burst: JoinBurstMode = "auto",
        publisher: FarPublisher | None = None,
        clock: Stopped | None = None,
        beside: "World | None" = None,
        thinned: bool = False,
        redundant: bool = False,
    ) -> None:
        self.published = published
        self.clock: Stopped = beside.clock if beside else clock or Stopped(10.0)
        fan_out = looped_fan_out(self._transmit)
        self.switch: PacketSwitch = (
            beside.switch
            if beside
            else PacketSwitch(
                lambda _: self._transmit, fan_out_to=lambda _: fan_out, make_opener=used_opener()
            )
        )
        self._by_address: dict[Address, FarViewer] = beside._by_address if beside else {}
        self.viewers: list[FarViewer] = []
        self.tracks = _tracks(published, index, join_burst)
        sent = [track.sent for track in self.tracks]
        layers = [number for number, track in enumerate(self.tracks) if track.kind == "video"]
        thinning = Thinning(sent, layers[-1]) if thinned else None
        first = len(sent) + (0 if thinning is None else len(thinning.sent))
        sounds = [number for number, track in enumerate(self.tracks) if track.kind == "audio"]
        self.feed = Feed(
            sent,
            [track.source for track in self.tracks],
            thinning=thinning,
            redundant=RedundantSound(sent, sounds[0], first) if redundant else None,
        )
        self.stats = PublisherStats()
        self.feedback = _Feedback(self.feed, self.tracks, "room", self.tell_publisher, self.stats)
        self.feed.publisher = self.feedback
        self.rtcp_due_at: float | None = None  # at that time, if no media comes before
        self.open(publisher or FarPublisher(published))

    @property
    def now(self) -> float:
        return self.clock.now

    @now.setter
    def now(self, now: float) -> None:
        self.clock.now = now

    # --- its publisher

    def open(self, publisher: FarPublisher) -> None:
        """Take the media of this publisher, whose tracks are those of the one before."""
        self.publisher = publisher
        self.switch.open_source(self.feed, publisher.keys)

    def succeed(
        self, published: Sequence[PublishedTrack] | None = None, publisher: FarPublisher | None = None
    ) -> None:
        """Give the room to another publisher."""
        self.published = published or self.published
        succeed(self.tracks, self.published)
        self.feed.take([track.source for track in self.tracks])
        self.feedback.succeed(self.tell_publisher)
        self.open(publisher or FarPublisher(self.published))

    def tell_publisher(self, compound: bytes) -> None:
        self.publisher.receive(compound, self.now)

    def receive(self, *datagrams: bytes) -> Received:
        """Do what a worker's pump does with a publisher's datagrams, but for its timers."""
        received = self.switch.receive([(self.feed, list(datagrams))], self.now)
        for _, compound in received.rtcp:
            self.feedback.receive(compound, self.now)
        if received.due:
            self.send_due_rtcp()
        return received

    def send_due_rtcp(self) -> None:
        self.rtcp_due_at = self.feedback.send_due_rtcp(self.now)

    def want_keyframes(self, now: float) -> None:
        """Let viewers need a keyframe of each track."""
        for number in range(len(self.tracks)):
            self.feedback.want_keyframe(number, now)

    def media(self, *tracks: int, count: int = 1, **how: Any) -> None:
        """Send each of these tracks' next `count` packets one by one; `how` is for `FarPublisher.packet`."""
        for _ in range(count):
            for track in tracks or range(len(self.tracks)):
                self.receive(self.publisher.packet(track, **how))

    def burst(self, *tracks: int) -> None:
        """Send the next packet of each of these tracks, in one batch."""
        self.receive(*(self.publisher.packet(track) for track in tracks))

    # --- its viewers

    def join(
        self,
        wires: Sequence[Wire | None] = PLAIN,
        profile: Profile = Profile.AEAD_AES_128_GCM,
        rendition: int | None = None,
    ) -> FarViewer:
        return FarViewer(self, wires, profile, rendition)

    def report_to(self, viewer: FarViewer) -> int:
        """Send `viewer` a packet and, within a second, our report of it; returns the LSR of that report."""
        self.media(0)
        self.feedback.tick(self.now)
        self.now += REPORT_SECONDS
        assert viewer.playback.tick(self.now)
        times = self.feedback.play_time(0, self.now)
        assert times is not None
        return times[0] >> 16 & 0xFFFFFFFF

    def arrives(self, viewer: FarViewer) -> Address:
        """Deliver what is sent to the address that this returns."""
        self.viewers.append(viewer)
        return self.new_address(viewer)

    def new_address(self, viewer: FarViewer) -> Address:
        """One more of a viewer's."""
        address = ("192.0.2.1", len(self._by_address))
        self._by_address[address] = viewer
        return address

    def _transmit(self, run: bytes | memoryview, size: int, address: Address) -> None:
        run, viewer = bytes(run), self._by_address[address]
        for at in range(0, len(run), size):
            viewer.receive(run[at : at + size])


def _tracks(published: Sequence[PublishedTrack], index: int, join_burst: JoinBurstMode) -> Sequence[Track]:
    tracks = new_tracks(published, UNIX, join_burst)
    for track, ssrc, rtx_ssrc in zip(tracks, SSRCS, RTX_SSRCS, strict=False):
        track.sent.ssrc, track.sent.rtx_ssrc = ssrc, rtx_ssrc
        track.source.translator = SequenceTranslator(index, 0)
    return tracks
