"""Whether another publisher may take a room over, and when a room ends: a publisher's life as a table.

It says what an event leads to in each state; docs/architecture.md shows the same table in words. When the
tracks of an offer do not fit the room, `SUCCEED` becomes `REPLACE`.
"""

import hmac
from enum import Enum, auto


class PublisherState(Enum):
    SENDING = auto()  # its media arrives, or it is still connecting
    SILENT = auto()  # its session exists, but no media has arrived for a while
    AWAY = auto()  # its session is over; the room waits for it
    COVERED = auto()  # its session exists and is silent, and a standby is on in its place
    STOOD_IN = auto()  # its session is over, or none has been, and the room has standbys
    ELSEWHERE = auto()  # the room is a copy; its publisher is, or was, at another worker


class PublisherEvent(Enum):
    OFFER_OF_SAME = auto()  # an offer with the publisher's credentials ...
    OFFER_OF_OTHER = auto()  # ... or with other ones
    OFFER_OF_STANDBY = auto()
    # The session that is on ended, which may be a standby's ...
    SESSION_LOST = auto()  # ... and it may come back
    SESSION_ENDED = auto()  # ... for good
    SESSION_RELIEVED = auto()  # ... and another one is there
    LATE_DELETE = auto()  # the DELETE that may follow a lost session
    GRACE_OVER = auto()  # it has been away for PUBLISHER_GRACE


class Outcome(Enum):
    REFUSE = auto()  # the offer gets 409
    SUCCEED = auto()  # the newcomer takes the publisher's place; viewers stay
    REPLACE = auto()  # the room ends, and the newcomer opens a new one of its name
    STAND_BY = auto()  # the newcomer waits behind all others
    COME_BACK = auto()  # the newcomer comes before all standbys, and is on from its first keyframe
    WAIT = auto()  # the room waits for its publisher
    SWITCH = auto()  # viewers get the next one that sends, from its next keyframe
    CLOSE = auto()  # the room ends
    NOTHING = auto()


REFUSE, SUCCEED, REPLACE = Outcome.REFUSE, Outcome.SUCCEED, Outcome.REPLACE
STAND_BY, COME_BACK, SWITCH = Outcome.STAND_BY, Outcome.COME_BACK, Outcome.SWITCH
WAIT, CLOSE, NOTHING = Outcome.WAIT, Outcome.CLOSE, Outcome.NOTHING

# A row for each event, in the order of `PublisherState`. No viewer sees another publisher by surprise; with
# standbys it has seen one. Whether the publisher of a copy is gone is decided by the claim in the directory,
# and a copy waits and ends with its relay: see media/relay/edge.py.
_ROWS = {
    PublisherEvent.OFFER_OF_SAME: (REFUSE, SUCCEED, SUCCEED, COME_BACK, COME_BACK, SUCCEED),
    PublisherEvent.OFFER_OF_OTHER: (REFUSE, REFUSE, REPLACE, REFUSE, COME_BACK, REPLACE),
    PublisherEvent.OFFER_OF_STANDBY: (STAND_BY, STAND_BY, STAND_BY, STAND_BY, STAND_BY, SUCCEED),
    PublisherEvent.SESSION_LOST: (WAIT, WAIT, NOTHING, NOTHING, WAIT, NOTHING),
    PublisherEvent.SESSION_ENDED: (CLOSE, CLOSE, NOTHING, NOTHING, CLOSE, NOTHING),
    PublisherEvent.SESSION_RELIEVED: (SWITCH, SWITCH, NOTHING, SWITCH, SWITCH, NOTHING),
    # of a session that was lost, unless another one has come since
    PublisherEvent.LATE_DELETE: (NOTHING, NOTHING, CLOSE, NOTHING, NOTHING, NOTHING),
    PublisherEvent.GRACE_OVER: (NOTHING, NOTHING, CLOSE, NOTHING, NOTHING, NOTHING),
}
LIFE = {
    (state, event): outcome
    for event, row in _ROWS.items()
    for state, outcome in zip(PublisherState, row, strict=True)
}


def on_offer(state: PublisherState, of_room: str, of_offer: str, *, stands_by: bool) -> Outcome:
    """What an offer leads to; the identities are those of the room's publisher and of the offer."""
    if stands_by:
        return LIFE[state, PublisherEvent.OFFER_OF_STANDBY]
    same = is_same(of_room, of_offer)
    return LIFE[state, PublisherEvent.OFFER_OF_SAME if same else PublisherEvent.OFFER_OF_OTHER]


def is_same(identity: str, other: str) -> bool:
    """Whether both identities stand for the same credentials. An empty one equals none."""
    return bool(identity) and hmac.compare_digest(identity.encode(), other.encode())
