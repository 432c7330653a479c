"""A viewer's session: it sends the media of a room."""

import asyncio
from collections.abc import Sequence
from functools import partial

from media.counts import ViewerStats
from media.feedback.playback import Playback, ask_early
from media.feedback.publisher_feedback import PublisherFeedback
from media.line.handshake_train import HandshakeTrain
from media.line.packet_train import PACKETS
from media.negotiation.agreed_tracks import PlayedTrack
from media.rtp.libsrtp import SrtpError
from media.rtp.srtcp_header import begins_with_report, is_lone_report
from media.rtp.srtp import InboundSession, SrtpKeys, inbound_session
from media.rtp.srtp_sender import SrtpSender
from media.sessions.end_reason import EndReason
from media.sessions.session import INTERRUPTION_SECONDS, Session, Setup
from media.sessions.traffic import Traffic, traffic_out
from media.switch.feed import Feed
from media.switch.rendition import Size
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.transport.address import Address
from media.transport.round_trips import Answer
from shared.messages.signalling import Role
from shared.sdp.offer import Offer
from shared.telemetry.logging import get_logger

PICTURE_SECONDS = 5.0  # a first picture is due within 2.5 s
MEDIA_SECONDS = 2.0  # a publisher that was heard within this time sends
NO_LIMIT: Size = (0, 0)
ANSWER_SECONDS = 2.0  # for an answer of a viewer that sends nothing by itself, and between two questions
MOST_QUIET_SECONDS = 1.0  # by which its consent or token may have expired before that is seen

log = get_logger()


class ViewerSession(Session):
    """Gets the tracks of `feed` in the form of `wires` once it is connected.

    `played` are the tracks of its answer.
    """

    role = Role.PLAY

    def __init__(
        self,
        setup: Setup,
        switch: PacketSwitch,
        feed: Feed,
        publisher: PublisherFeedback,
        played: Sequence[PlayedTrack],
        wires: Sequence[Wire | None],
        stats: ViewerStats,
    ) -> None:
        super().__init__(setup)
        self.played = played
        self._switch = switch
        self._feed = feed
        self._publisher = publisher
        self._wires = wires
        self._stats = stats
        # What its viewer asked for, until it asks for something else.
        self.chosen: str | None = None  # the rid of the best layer that it wants; None: any
        self.wants_picture = True
        self.most: Size = NO_LIMIT  # of the picture that it wants
        self.answer: Offer | None = None  # what it answered, if the offer was ours
        self.picture_section = _picture_section(setup.offer, played)
        self._train: HandshakeTrain | None = None  # until it is connected
        self._playback: Playback | None = None
        self._pacing: asyncio.Task[None] | None = None
        self._quiet_until = 0.0  # until when a tick has nothing to do, if ...
        self._ladder = feed.ladder  # ... this is still the room's, and nothing else happens
        self._srtcp_in: InboundSession | None = None
        self._srtcp_overhead = 0
        # It waits for the next tick: one report alone costs three times as much as one among others.
        self._waiting_report: tuple[bytes, Address, float] | None = None
        self._has_short_rtcp = all(section.rtcp_rsize for section in setup.offer.live)
        ask_early(feed, publisher, setup.now, self._first_rendition())

    def receive_media(self, datagram: bytes, source: Address, now: float) -> Feed | None:
        if begins_with_report(datagram) and self._can_wait(datagram):
            self._receive_waiting_report(now)  # not replaced: the later one may be forged
            self._waiting_report = datagram, source, now
        else:
            self._receive_rtcp(datagram, source, now)
        return None

    def receive_stray(self, datagram: bytes, source: Address, now: float) -> bool:
        if not self._receive_rtcp(datagram, source, now):
            return False
        self.ice.heard_elsewhere(source)
        self._send_due_request(now)
        return True

    def _can_wait(self, datagram: bytes) -> bool:
        """Whether nothing urgent can be in a datagram that begins with a report, and is not decrypted yet.

        Browsers put their estimate of the line behind a report. What they ask for comes without a report
        (RFC 5506), and the estimate matters at the next tick, unless the line is being probed.
        """
        if self._has_short_rtcp and self._playback is not None and self._playback.rests:
            return True
        return is_lone_report(datagram, self._srtcp_overhead)

    def _receive_waiting_report(self, now: float) -> None:
        if self._waiting_report is not None:
            (datagram, source, arrived_at), self._waiting_report = self._waiting_report, None
            self._receive_rtcp(datagram, source, now, now - arrived_at)

    def _receive_rtcp(self, datagram: bytes, source: Address, now: float, late: float = 0.0) -> bool:
        """Returns whether it is authentic, and was not heard before."""
        if self._srtcp_in is None or self._playback is None or not self._playback.feedback.listens(now):
            return False
        try:
            compound = self._srtcp_in.unprotect_rtcp(datagram)
        except SrtpError:
            return False
        self._playback.feedback.charge(len(datagram))
        if source == self.ice.selected:
            self.ice.touch(now - late)
        elif source == self.ice.asked:
            self.ice.heard_elsewhere(source)
        self._playback.receive(compound, now, late)
        self._keep_pace()
        if not self._playback.rests:
            self._quiet_until = 0.0
        return True

    def tick(self, now: float) -> None:
        if self._waiting_report is not None:
            self._receive_waiting_report(now)
        if (  # nine of ten ticks of a viewer that gets the best end here: nothing has happened
            now < self._quiet_until
            and self._feed.ladder is self._ladder
            and self._fault is None
            and self.ice.asked is None
        ):
            return
        super().tick(now)
        if self._playback is None:
            return
        if self.most != NO_LIMIT and self._feed.ladder is not self._ladder:
            self._pass_on_wish()  # a layer may have another size now
        if reports := self._playback.tick(now):
            self.send_rtcp(reports)
        self._measure(self._playback.measure_seconds, now)
        self._keep_pace()
        self._ladder = self._feed.ladder
        self._quiet_until = min(self._playback.quiet_until, now + MOST_QUIET_SECONDS)

    def _look_for_interruption(self, now: float) -> None:
        super()._look_for_interruption(now)
        unheard = now - self.ice.last_sign
        if unheard >= INTERRUPTION_SECONDS:
            self._measure(ANSWER_SECONDS, now)
        if self._playback is not None and self._playback.picture is not None:
            self._playback.picture.hear(is_heard=unheard < INTERRUPTION_SECONDS + ANSWER_SECONDS)

    def _measure(self, interval: float, now: float) -> None:
        """Measure the round trip if the last time is `interval` seconds ago."""
        if (request := self.ice.due_measurement(interval, now)) is not None:
            self._send_to(*request)

    def choose(self, rid: str | None, *, picture: bool, most: Size = NO_LIMIT) -> None:
        """Take the viewer's wish: the layer `rid` at best, None for any, and whether it wants a picture.

        No layer is to be larger than `most`, as long as one is not.
        """
        self.chosen, self.wants_picture, self.most = rid, picture, most
        self._quiet_until = 0.0
        self._pass_on_wish()

    def _pass_on_wish(self) -> None:
        if self._playback is not None and self._playback.picture is not None:
            rid, ladder = self.chosen, self._feed.ladder
            if self.most != NO_LIMIT and ladder is not None:
                rid = ladder.layer_within(rid, self.most)
            self._playback.picture.choose(rid, picture=self.wants_picture)

    def _first_rendition(self) -> int | None:
        """What the viewer begins with; None: it gets no picture. Nobody knows yet what its line carries."""
        top = next((n for n, wire in enumerate(self._wires) if wire and wire.ssrc is not None), None)
        if top is None or self._feed.ladder is None:
            return top
        return self._feed.ladder.number(self._feed.ladder.best_from(self._feed.ladder.first))

    @property
    def rendition(self) -> int | None:
        """The rendition of the picture that the viewer gets; None: none."""
        return None if self._playback is None else self._playback.viewer.rendition

    @property
    def first_picture_at(self) -> float | None:
        """When the viewer was sent its first picture."""
        return None if self._playback is None else self._playback.first_picture_at

    def lacks_picture(self, now: float) -> bool:
        """Whether it has waited too long for its first picture, of a publisher that sends one."""
        if self.connected_at is None or now - self.connected_at < PICTURE_SECONDS:
            return False
        if self.rendition is None or self.first_picture_at is not None:
            return False
        source = self._feed.sources[self._feed.base_of(self.rendition)]
        return now - source.heard_at < MEDIA_SECONDS

    @property
    def reason(self) -> str:
        """Why the viewer gets that: a `LayerReason`; empty before it is connected, and without a picture."""
        picture = None if self._playback is None else self._playback.picture
        return "" if picture is None else picture.reason

    def traffic(self) -> Traffic:
        return traffic_out(self._wires, self._playback)

    def _attach(self, keys: SrtpKeys) -> SrtpSender:
        assert self.ice.selected is not None
        now = asyncio.get_running_loop().time()
        self._measure(0.0, now)  # before the first picture: behind that a narrow line is not empty any more
        line = None if self._train is None else self._train.measured(now)
        self._train = None
        self._srtcp_in = inbound_session(keys, partial(self._on_sends_as, self))
        self._srtcp_overhead = keys.profile.srtcp_overhead
        self._playback = Playback(
            self._switch,
            self._feed,
            self._publisher,
            keys,
            self._wires,
            self.ice.selected,
            self._stats,
            since=self.began_at,
            now=now,
            rendition=self._first_rendition(),
            line=line,
        )
        self._pass_on_wish()
        return self._playback.viewer.sender

    async def _connect(self) -> None:
        if self._first_rendition() is not None:
            self._send_train(asyncio.get_running_loop().time())
        await super()._connect()
        if self._playback is not None:
            self._pacing = asyncio.get_running_loop().create_task(self._pace())

    def _send_train(self, now: float) -> None:
        """Measure the line while the handshake goes on: what it does not carry need not be sent at all."""
        if requests := self.ice.train(PACKETS, now):
            self._train = HandshakeTrain(len(requests[0]), now)
            for request in requests:
                self._send(request)

    def _keep_pace(self) -> None:
        """Step as long as there is something to step for."""
        paces = self._pacing is not None and not self._pacing.done()
        if self._playback is not None and self._playback.steps and not paces:
            self._pacing = asyncio.get_running_loop().create_task(self._pace())

    async def _pace(self) -> None:
        """Step what is due more often than ticks come: the first picture, padding, keyframes alone."""
        loop = asyncio.get_running_loop()
        try:
            while self._playback is not None:
                pause = self._playback.step(loop.time())
                if pause is None:
                    return
                await asyncio.sleep(pause)
        except Exception:
            log.exception("unexpected error while a viewer is sent its picture", session=self.id)
            self.end(EndReason.FAULT)

    def line_log(self, now: float) -> str:
        log = None if self._playback is None else self._playback.line_log(now)
        return super().line_log(now) if log is None else log

    def _measured(self, answer: Answer, now: float) -> None:
        if self._playback is not None:
            self._playback.measured(answer.seconds, now)
        elif self._train is not None:
            self._train.answered(answer.number, now)

    def _detach(self) -> None:
        if self._pacing is not None:
            self._pacing.cancel()
            self._pacing = None
        if self._playback is not None:
            self._playback.end()
        self._playback = self._srtcp_in = None

    def _moved(self, address: Address) -> None:
        self._quiet_until = 0.0
        self._train = None  # what it measures is another line
        if self._playback is not None:
            self._playback.move(address, asyncio.get_running_loop().time())


def _picture_section(offer: Offer, played: Sequence[PlayedTrack]) -> int | None:
    """The place of the section (m-line) in which the viewer gets the picture; None: it gets none."""
    mids = {track.mid for track in played}
    return next(
        (
            place
            for place, section in enumerate(offer.sections)
            if section.kind == "video" and not section.rejected and section.mid in mids
        ),
        None,
    )
