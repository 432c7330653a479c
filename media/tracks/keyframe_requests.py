"""When to ask a publisher for a keyframe, without flooding it, and whether it answers."""

import math

REQUEST_SECONDS = 0.5
# A keyframe costs what three to ten other pictures do, and a browser that is asked for one sends one of each
# layer. Where viewers change layers all the time, so many come at that pace, and further ones at this.
LASTING_SECONDS, AT_ONCE = 1.0, 4
ANSWER_SECONDS = 0.5  # a later keyframe does not count as an answer
IN_VAIN_SECONDS = 3.0
# `PROOF` answers in a row prove that a publisher answers requests: a single keyframe may come by chance. Each
# unanswered request doubles that number, up to `MOST_PROOF`.
PROOF = 3
MOST_PROOF = 48


class KeyframeRequests:
    """The keyframe requests for one track of one publisher, on behalf of all viewers.

    `now` is in seconds of a steady clock. A `deaf` publisher has negotiated neither PLI nor FIR.
    """

    __slots__ = (
        "_answers",
        "_arrived_at",
        "_asked_at",
        "_deaf",
        "_lately",
        "_proof",
        "_sent_at",
        "_unanswered",
        "_urgent",
        "_waiting",
    )

    def __init__(self, *, deaf: bool = False) -> None:
        self._deaf = deaf
        self._sent_at = self._arrived_at = -math.inf
        self._lately = 0.0  # keyframes until the latest one, the older ones forgotten at the lasting pace
        self._asked_at: float | None = None  # the first request since the latest keyframe
        self._waiting = self._urgent = False
        self._unanswered = False
        self._answers = 0
        self._proof = PROOF

    def want(self, now: float, *, urgent: bool = False) -> bool:
        """A viewer needs a keyframe. Returns whether to ask the publisher now; otherwise ask `due` later.

        It is `urgent` for one that has no picture meanwhile: then it does not matter how many came lately,
        but one that has just come is not followed by the next.
        """
        self._waiting = not self._deaf
        self._urgent |= urgent
        return self.due(now)

    def due(self, now: float) -> bool:
        """Whether to ask the publisher now: a viewer waits, and the last request was long enough ago."""
        if not self._waiting or now < self._sent_at + REQUEST_SECONDS:
            return False
        has_enough = self._keyframes_lately(now) > AT_ONCE - 1
        if has_enough and not (self._urgent and now - self._arrived_at >= REQUEST_SECONDS):
            return False
        if self._unanswered:
            self._was_ignored()
        self._waiting = self._urgent = False
        self._unanswered = True
        self._sent_at = now
        if self._asked_at is None:
            self._asked_at = now
        return True

    def arrived(self, now: float) -> None:
        """A keyframe arrived: no viewer waits any more."""
        self._waiting = self._urgent = False
        self._asked_at = None
        self._lately = min(self._keyframes_lately(now) + 1, AT_ONCE)
        self._arrived_at = now
        if not self._unanswered:
            return
        if now > self._sent_at + ANSWER_SECONDS:
            self._was_ignored()
        else:
            self._unanswered = False
            self._answers += 1

    def _keyframes_lately(self, now: float) -> float:
        return max(0.0, self._lately - (now - self._arrived_at) / LASTING_SECONDS)

    def _was_ignored(self) -> None:
        self._unanswered = False
        self._answers = 0
        self._proof = min(2 * self._proof, MOST_PROOF)

    def in_vain(self, now: float) -> bool:
        """Whether asking is useless: it is impossible, or unanswered for longer than packet loss explains."""
        return self._deaf or (self._asked_at is not None and now - self._asked_at >= IN_VAIN_SECONDS)

    @property
    def trusted(self) -> bool:
        """Whether the publisher has proven that it answers."""
        return self._answers >= self._proof

    def hopeless(self, now: float) -> bool:
        """Whether it is useless to wait for an answer."""
        if self._deaf or (self._unanswered and now >= self._sent_at + ANSWER_SECONDS):
            return True
        return self._proof > PROOF and not self.trusted
