"""What a room requires of the sender of its media."""

from collections.abc import Callable
from typing import Protocol

from media.sessions.end_reason import EndReason
from media.switch.feed import Feed
from shared.names import WorkerId


class Source(Protocol):
    """A publisher's session, or a relay from the worker that has it.

    It sends into the feed that it was made for. A room outlives its source and may get another. `origin` is
    the worker from which the media comes, None for a publisher's session. `tier`: how many relays it has
    passed.
    """

    origin: WorkerId | None
    tier: int

    @property
    def may_feed(self) -> bool:
        """Whether other workers may get the room from here."""

    @property
    def heard_at(self) -> float:
        """When it was last heard, in seconds of the steady clock; -inf if it never connected."""

    def is_alive(self, now: float) -> bool:
        """Whether the source's media arrives, or it is still connecting. If not, it may be replaced."""

    def send_rtcp(self, compound: bytes) -> None:
        """Send RTCP to the sender of the media. Dropped while that cannot be reached."""

    def end(self, reason: EndReason) -> None:
        """End it and free all it held. Later calls do nothing."""


MakeSource = Callable[[Feed], Source]
