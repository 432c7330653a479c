"""The life of a publisher: each pair of state and event has an outcome, and it is the documented one."""

from itertools import product

import pytest

from media.rooms.publisher_life import LIFE, Outcome, PublisherEvent, PublisherState

REFUSE, SUCCEED, REPLACE = Outcome.REFUSE, Outcome.SUCCEED, Outcome.REPLACE
WAIT, CLOSE, NOTHING = Outcome.WAIT, Outcome.CLOSE, Outcome.NOTHING

# One row for each event, in the order of `PublisherState`: sending, silent, away, elsewhere.
EXPECTED = {
    PublisherEvent.OFFER_OF_SAME: (REFUSE, SUCCEED, SUCCEED, SUCCEED),
    PublisherEvent.OFFER_OF_OTHER: (REFUSE, REFUSE, REPLACE, REPLACE),
    PublisherEvent.SESSION_LOST: (WAIT, WAIT, NOTHING, NOTHING),
    PublisherEvent.SESSION_ENDED: (CLOSE, CLOSE, NOTHING, NOTHING),
    PublisherEvent.LATE_DELETE: (NOTHING, NOTHING, CLOSE, NOTHING),
    PublisherEvent.GRACE_OVER: (NOTHING, NOTHING, CLOSE, NOTHING),
}


@pytest.mark.parametrize(("state", "event"), list(product(PublisherState, PublisherEvent)))
def test_each_state_and_event_has_its_outcome(state: PublisherState, event: PublisherEvent) -> None:
    assert LIFE[state, event] is EXPECTED[event][list(PublisherState).index(state)]


def test_only_an_offer_is_refused_and_only_an_offer_brings_a_newcomer() -> None:
    offers = {PublisherEvent.OFFER_OF_SAME, PublisherEvent.OFFER_OF_OTHER}
    for (_, event), outcome in LIFE.items():
        assert (event in offers) == (outcome in {REFUSE, SUCCEED, REPLACE})
