"""The life of a publisher: each pair of state and event has an outcome, and it is the documented one."""

from itertools import product

import pytest

from media.rooms.publisher_life import LIFE, Outcome, PublisherEvent, PublisherState

REFUSE, SUCCEED, REPLACE = Outcome.REFUSE, Outcome.SUCCEED, Outcome.REPLACE
WAIT, CLOSE, NOTHING = Outcome.WAIT, Outcome.CLOSE, Outcome.NOTHING

STAND_BY, COME_BACK, SWITCH = Outcome.STAND_BY, Outcome.COME_BACK, Outcome.SWITCH

# One row for each event, in the order of `PublisherState`.
EXPECTED = {
    PublisherEvent.OFFER_OF_SAME: (REFUSE, SUCCEED, SUCCEED, COME_BACK, COME_BACK, SUCCEED),
    PublisherEvent.OFFER_OF_OTHER: (REFUSE, REFUSE, REPLACE, REFUSE, COME_BACK, REPLACE),
    PublisherEvent.OFFER_OF_STANDBY: (STAND_BY, STAND_BY, STAND_BY, STAND_BY, STAND_BY, SUCCEED),
    PublisherEvent.SESSION_LOST: (WAIT, WAIT, NOTHING, NOTHING, WAIT, NOTHING),
    PublisherEvent.SESSION_ENDED: (CLOSE, CLOSE, NOTHING, NOTHING, CLOSE, NOTHING),
    PublisherEvent.SESSION_RELIEVED: (SWITCH, SWITCH, NOTHING, SWITCH, SWITCH, NOTHING),
    PublisherEvent.LATE_DELETE: (NOTHING, NOTHING, CLOSE, NOTHING, NOTHING, NOTHING),
    PublisherEvent.GRACE_OVER: (NOTHING, NOTHING, CLOSE, NOTHING, NOTHING, NOTHING),
}


@pytest.mark.parametrize(("state", "event"), list(product(PublisherState, PublisherEvent)))
def test_each_state_and_event_has_its_outcome(state: PublisherState, event: PublisherEvent) -> None:
    assert LIFE[state, event] is EXPECTED[event][list(PublisherState).index(state)]
