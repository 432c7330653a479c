"""One turn of the socket: from the datagrams that arrived to those that are sent."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from media.rtp.joined import Joined
from media.sessions.demux import Demux
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.transport.address import Address


class Pump:
    """The socket calls `turn` with each batch. `clock` is a steady one, in seconds."""

    def __init__(self, demux: Demux, switch: PacketSwitch, clock: Callable[[], float] = monotonic) -> None:
        self._demux = demux
        self._switch = switch
        self._clock = clock
        self._timers: dict[Feed, asyncio.TimerHandle] = {}  # for RTCP that is due whether or not media comes

    def turn(self, batch: Sequence[tuple[bytes | Joined, Address]]) -> bool:
        """Deliver a batch and forward its media. Returns whether there was any media."""
        now = self._clock()
        media = self._demux.sort(batch, now)
        if not media:
            return False
        received = self._switch.receive(media, now)
        for feed, compound in received.rtcp:
            self._deliver_rtcp(feed, compound, now)
        for feed in received.due:
            self._send_due_rtcp(feed, now)
        return True

    def _deliver_rtcp(self, feed: Feed, compound: bytes, now: float) -> None:
        if feed.publisher is not None:
            try:
                feed.publisher.receive(compound, now)
            except Exception as fault:
                feed.breaks(fault)

    def _send_due_rtcp(self, feed: Feed, now: float) -> None:
        """Send a publisher the RTCP that is due. A timer calls it too: the room may have ended by then."""
        if (timer := self._timers.pop(feed, None)) is not None:
            timer.cancel()
        if feed.publisher is not None:
            try:
                again = feed.publisher.send_due_rtcp(now)
            except Exception as fault:
                feed.breaks(fault)
            else:
                if again is not None:
                    loop = asyncio.get_running_loop()
                    self._timers[feed] = loop.call_later(max(0.0, again - now), self._ring, feed)

    def _ring(self, feed: Feed) -> None:
        self._send_due_rtcp(feed, self._clock())
