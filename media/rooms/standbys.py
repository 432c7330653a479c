"""Who publishes in a room beside the one that is on, and who of all is to be on."""

from collections.abc import Iterator

from media.rooms.source import Source
from media.rooms.standby import CALL_SECONDS, Standby
from media.sessions.publisher_session import PublisherSession

MOST_STANDBYS = 4


class Standbys:
    """Of one room, the first in rank first. `now` is in seconds of a steady clock."""

    def __init__(self) -> None:
        self.rank = 0  # of the one that is on: see `Standby`
        self.switches = 0  # from one to another, so far
        self._all: list[Standby] = []
        self._ranks = 0  # so far
        self._chosen: PublisherSession | None = None  # by an operator; it stays on as long as it sends

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Standby]:
        return iter(self._all)

    @property
    def covered(self) -> Standby | None:
        """The room's own publisher while a standby is on in its place, or is about to be."""
        return next((each for each in self._all if not each.rank), None)

    @property
    def count(self) -> int:
        """How many there are that are not the room's own publisher, on or not."""
        return sum(each.rank > 0 for each in self._all) + (self.rank > 0)

    def next_rank(self) -> int:
        """That of a new one: behind all others."""
        self._ranks += 1
        return self._ranks

    def add(self, standby: Standby) -> None:
        self._all.append(standby)
        self._all.sort(key=lambda each: each.rank)

    def take_out(self, source: Source) -> Standby | None:
        """It is on from now on, or has ended; returns it if it is one of these."""
        left = next((each for each in self._all if each.session is source), None)
        if left is not None:
            self._all.remove(left)
        return left

    def is_on(self, standby: Standby) -> None:
        """Viewers get it now."""
        self.rank = standby.rank
        self.switches += 1

    def clear(self) -> list[Standby]:
        """Returns those that there were."""
        all_, self._all = self._all, []
        return all_

    def choose(self, now: float) -> Standby | None:
        """The next one that sends is to be on, as long as it does; None: nobody else sends."""
        sending = [each for each in self._all if each.sends(now)]
        following = next((each for each in sending if each.rank > self.rank), None)
        chosen = following or next(iter(sending), None)
        if chosen is not None:
            self._chosen = chosen.session
        return chosen

    def call(self, on: Source | None, heard_at: float, now: float) -> None:
        """Have who is to be on come on with its next keyframe: the first in rank of those that send.

        `on` is at present, and was last heard at `heard_at`.
        """
        if not self._all:
            return
        called = self._called(on, heard_at, now)
        for each in self._all:
            each.want(now, wanted=each is called)

    def _called(self, on: Source | None, heard_at: float, now: float) -> Standby | None:
        sending = [each for each in self._all if each.sends(now)]
        if chosen := next((each for each in sending if each.session is self._chosen), None):
            return chosen
        is_on = on is not None and now - heard_at < CALL_SECONDS
        if not sending or (is_on and (on is self._chosen or self.rank < sending[0].rank)):
            return None
        self._chosen = None
        return sending[0]
