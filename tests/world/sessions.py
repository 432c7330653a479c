"""Stand-ins for sessions of clients: all of media that a simulated world has.

A session connects when its client comes, without ICE, DTLS and SRTP, and is heard as long as that says so.
"""

from typing import Any, ClassVar

import media.rooms.admission
from media.sessions.end_reason import EndReason
from media.sessions.publisher_session import PublisherSession
from media.sessions.viewer_session import ViewerSession
from tests.world.clock import clock
from tests.world.loop import Process, present_process

ADDRESS = ("198.51.100.1", 5000)


class _StandIn:
    """`process` is the worker that has the session."""

    process: Process
    why: EndReason  # it ended
    by_id: ClassVar[dict[str, "PublisherStandIn | ViewerStandIn"]] = {}

    def _begin(self: Any) -> None:
        process = present_process()
        assert process is not None
        self.process = process
        self.by_id[self.id] = self

    def come(self: Any) -> None:
        """The client is there. Call it as the worker."""
        if self.ended:
            return
        now = clock.now
        self.ice.selected, self.ice.proven = ADDRESS, True
        self.connected, self.checked_at, self.connected_at = True, now, now
        self._on_checked(self)
        self._on_connected(self, now - self.began_at, 0.0)
        self.hear()

    @property
    def is_served(self: Any) -> bool:
        """Whether its worker serves it, as the client sees it."""
        return bool(self.connected and not self.ended and self.process.is_alive)

    def end(self: Any, reason: EndReason) -> None:
        super().end(reason)
        self.why = reason


class PublisherStandIn(_StandIn, PublisherSession):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._begin()

    def hear(self) -> None:
        for track in self._feed.sources:
            track.heard_at = clock.now
        self.ice.touch(clock.now)


class ViewerStandIn(_StandIn, ViewerSession):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ice._sends_media = False  # no consent is asked for
        self._begin()

    def hear(self) -> None:
        self.ice.touch(clock.now)


def stand_in() -> None:
    """Put the stand-ins in the place of real sessions, for good."""
    media.rooms.admission.PublisherSession = PublisherStandIn
    media.rooms.admission.ViewerSession = ViewerStandIn
