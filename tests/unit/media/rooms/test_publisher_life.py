"""The life of a publisher: each pair of state and event has an outcome, and it is the documented one."""

import re
from itertools import product
from pathlib import Path

import pytest

from media.rooms.publisher_life import LIFE, Outcome, PublisherEvent, PublisherState

DOCUMENT = Path(__file__).parents[4] / "docs/architecture.md"
WORDS = {
    "409": Outcome.REFUSE,
    "succeeds": Outcome.SUCCEED,
    "replaces the room": Outcome.REPLACE,
    "stands by": Outcome.STAND_BY,
    "comes back": Outcome.COME_BACK,
    "the room waits": Outcome.WAIT,
    "a switch": Outcome.SWITCH,
    "the room ends": Outcome.CLOSE,
    "–": Outcome.NOTHING,
}


def documented() -> list[list[Outcome]]:
    """The rows of the table, in the order of `PublisherEvent`, each in that of `PublisherState`."""
    _, _, table = DOCUMENT.read_text(encoding="utf-8").partition("| event | publisher sends")
    rows = re.findall(r"^\| (.+) \|$", table.partition("\n\n")[0], re.MULTILINE)
    return [[WORDS[cell] for cell in row.split(" | ")[1:]] for row in rows]


@pytest.mark.parametrize(("state", "event"), list(product(PublisherState, PublisherEvent)))
def test_each_state_and_event_has_its_outcome(state: PublisherState, event: PublisherEvent) -> None:
    row = documented()[list(PublisherEvent).index(event)]
    assert len(row) == len(PublisherState)
    assert LIFE[state, event] is row[list(PublisherState).index(state)]
