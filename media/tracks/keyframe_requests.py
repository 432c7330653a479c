"""When to ask a publisher for a keyframe, at once but not more often than it can bear; and if it listens."""

import math

INTERVAL_SECONDS = 0.5
ANSWER_SECONDS = 0.5  # a keyframe that comes later is one that came anyway
IN_VAIN_SECONDS = 3.0
# So many answers in a row prove that a publisher listens: one keyframe may come by chance. Each request that
# is not answered doubles what is wanted of it.
PROOF = 3
MOST_PROOF = 48


class KeyframeRequests:
    """The requests for one track of one publisher, however many viewers wait.

    `now` is in seconds of a steady clock. A publisher that is `deaf` has agreed on no way to be asked.
    """

    __slots__ = ("_answers", "_asked_at", "_deaf", "_proof", "_sent_at", "_unanswered", "_waiting")

    def __init__(self, *, deaf: bool = False) -> None:
        self._deaf = deaf
        self._sent_at = -math.inf
        self._asked_at: float | None = None  # first of all since a keyframe arrived
        self._waiting = False
        self._unanswered = False
        self._answers = 0
        self._proof = PROOF

    def want(self, now: float) -> bool:
        """A viewer needs a keyframe: whether to ask the publisher now. If not, it is due later."""
        self._waiting = not self._deaf
        return self.due(now)

    def due(self, now: float) -> bool:
        """Whether somebody waits and the publisher may be asked again: then ask it."""
        if not self._waiting or now < self._sent_at + INTERVAL_SECONDS:
            return False
        if self._unanswered:
            self._was_ignored()
        self._waiting = False
        self._unanswered = True
        self._sent_at = now
        if self._asked_at is None:
            self._asked_at = now
        return True

    def arrived(self, now: float) -> None:
        """A keyframe came: whoever waited has it."""
        self._waiting = False
        self._asked_at = None
        if not self._unanswered:
            return
        if now > self._sent_at + ANSWER_SECONDS:
            self._was_ignored()
        else:
            self._unanswered = False
            self._answers += 1

    def _was_ignored(self) -> None:
        self._unanswered = False
        self._answers = 0
        self._proof = min(2 * self._proof, MOST_PROOF)

    def in_vain(self, now: float) -> bool:
        """Whether asking is of no use: there is no way to, or no answer for longer than a loss explains."""
        return self._deaf or (self._asked_at is not None and now - self._asked_at >= IN_VAIN_SECONDS)

    @property
    def trusted(self) -> bool:
        """Whether the publisher has proven that it answers."""
        return self._answers >= self._proof

    def hopeless(self, now: float) -> bool:
        """Whether there is no use in waiting for an answer."""
        if self._deaf or (self._unanswered and now >= self._sent_at + ANSWER_SECONDS):
            return True
        return self._proof > PROOF and not self.trusted
