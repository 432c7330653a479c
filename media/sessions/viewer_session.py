"""A viewer's session: it takes a room's media out."""

import asyncio
import random
from collections.abc import Sequence

from media.counts import ViewerStats
from media.feedback.publisher_feedback import REPORT_SECONDS, Feedback
from media.feedback.viewer_feedback import ViewerFeedback
from media.negotiation.agreed_tracks import PlayedTrack
from media.rtp.libsrtp import SrtpError, SrtpSession
from media.rtp.rtcp import is_lone_report
from media.rtp.srtp import SrtpKeys, inbound_session
from media.sessions.end_reason import EndReason
from media.sessions.session import Session
from media.sessions.traffic import Traffic, traffic_out
from media.switch.feed import Feed
from media.switch.join import Join
from media.switch.switch import PacketSwitch
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.transport.address import Address
from shared.logging import get_logger
from shared.messages.signalling import Role

log = get_logger()


class ViewerSession(Session):
    """Takes a room's media out."""

    role = Role.PLAY
    played: Sequence[PlayedTrack] = ()  # what its offer was answered with

    def watch(
        self,
        switch: PacketSwitch,
        feed: Feed,
        wires: Sequence[Wire | None],
        room: Feedback,
        stats: ViewerStats,
    ) -> None:
        """Name the feed that this session gets once it is connected, and the form of its tracks."""
        self._switch = switch
        self._feed = feed
        self._wires = wires
        self._room = room
        self._stats = stats
        self._viewer: Viewer | None = None
        self._feedback: ViewerFeedback | None = None
        self._join: Join | None = None
        if any(sent.asks_early for sent in feed.sent):
            room.want_keyframes(self._began_at)
        self._srtcp_in: SrtpSession | None = None
        self._srtcp_overhead = 0
        # It waits for the next tick, and makes way for a later one: most that viewers send are reports, and
        # alone each costs three times what it costs beside others.
        self._latest_report: tuple[bytes, float] | None = None
        # spread over the second, so that the reports of many viewers do not come in one burst
        self._report_at = self._began_at + random.random() * REPORT_SECONDS  # noqa: S311

    def receive_media(self, datagram: bytes, now: float) -> Feed | None:
        if is_lone_report(datagram, self._srtcp_overhead):
            self._latest_report = datagram, now
        else:
            self._receive_rtcp(datagram, now)
        return None

    def _receive_rtcp(self, datagram: bytes, now: float) -> None:
        if self._srtcp_in is not None and self._feedback is not None and self._feedback.listens(now):
            try:
                compound = self._srtcp_in.unprotect_rtcp(datagram)
            except SrtpError:
                return
            self.ice.touch(now)
            self._feedback.receive(compound, now)

    def tick(self, now: float) -> None:
        super().tick(now)
        if self._latest_report is not None:
            self._receive_rtcp(*self._latest_report)
            self._latest_report = None
        if self._feedback is not None and now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            if reports := self._feedback.reports(now):
                self.send_rtcp(reports)

    def traffic(self) -> Traffic:
        return traffic_out(self._wires, self._viewer, self._feedback)

    def _attach(self, keys: SrtpKeys) -> SrtpSession:
        assert self.ice.selected is not None
        self._srtcp_in, self._srtcp_overhead = inbound_session(keys), keys.profile.srtcp_overhead
        now = asyncio.get_running_loop().time()
        self._viewer = self._switch.add_viewer(self._feed, keys, self._wires, self.ice.selected, joining=True)
        self._feedback = ViewerFeedback(
            self._viewer, self._feed.sent, self._room, self._switch.resend, self._stats, now
        )
        self._join = Join(
            self._switch,
            self._feed,
            self._viewer,
            self._room.want_keyframes,
            self._stats,
            asked_at=self._began_at,
            since=self._began_at,
        )
        return self._viewer.srtp

    async def _connect(self) -> None:
        await super()._connect()
        if self._join is None:
            return
        try:
            await _go_through(self._join)
        except Exception:
            log.exception("a viewer's join broke", session=self.id)
            self.end(EndReason.FAULT)

    def _detach(self) -> None:
        if self._viewer is not None:
            self._switch.remove_viewer(self._feed, self._viewer)
            self._viewer = None
        if self._join is not None:
            self._join.end()
        self._join = self._feedback = None
        self._srtcp_in = None

    def _moved(self, address: Address) -> None:
        if self._viewer is not None:
            self._viewer.address = address


async def _go_through(join: Join) -> None:
    loop = asyncio.get_running_loop()
    pause = join.step(loop.time())
    while pause is not None:
        await asyncio.sleep(pause)
        pause = join.step(loop.time())
