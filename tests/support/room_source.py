"""The source of a room's media, as the room sees it: a test says what befalls it."""

import math

from media.sessions.end_reason import EndReason
from shared.names import WorkerId


class RoomSource:
    """`origin` is the worker that its media comes from, if that is another one."""

    tier = 0
    may_feed = True

    def __init__(self, origin: str | None = None, heard_at: float = -math.inf) -> None:
        self.origin = None if origin is None else WorkerId(origin)
        self.heard_at = heard_at
        self.alive = True
        self.ended: list[EndReason] = []

    def is_alive(self, now: float) -> bool:
        return self.alive

    def send_rtcp(self, compound: bytes) -> None: ...

    def end(self, reason: EndReason) -> None:
        self.ended.append(reason)
