"""What a room needs of whoever sends its media in."""

from typing import Protocol

from media.sessions.end_reason import EndReason
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from shared.names import WorkerId


class Source(Protocol):
    """A publisher's session, or whatever stands for one: a relay from the worker that has it.

    A room outlives its source and may get another. A source that ends by itself says so, once, to whoever
    made it, who tells `Rooms.source_ended`. `origin` is the worker that has the publisher, None for this one.
    """

    origin: WorkerId | None

    @property
    def heard_at(self) -> float:
        """When it was last heard, in seconds of the steady clock; -inf when it never was connected."""

    def is_alive(self, now: float) -> bool:
        """Whether it shows media, or is still on its way. If not, it may be replaced."""

    def relay_into(self, switch: PacketSwitch, feed: Feed) -> None:
        """Name the feed that gets this source's media, as soon as it has keys."""

    def send_rtcp(self, compound: bytes) -> None:
        """Send RTCP to the sender of the media; dropped while there is no way to it."""

    def end(self, reason: EndReason) -> None:
        """End it and free all it held. Later calls do nothing."""
