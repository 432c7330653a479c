"""Whether another publisher may take a room over, and when a room ends: a publisher's life as a table.

It says what an event leads to in each state; docs/architecture.md shows the same table in words. When the
tracks of an offer do not fit the room, `SUCCEED` becomes `REPLACE`.
"""

import hmac
from collections.abc import Mapping
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


LIFE: Mapping[tuple[PublisherState, PublisherEvent], Outcome] = {
    (PublisherState.SENDING, PublisherEvent.OFFER_OF_SAME): Outcome.REFUSE,
    (PublisherState.SENDING, PublisherEvent.OFFER_OF_OTHER): Outcome.REFUSE,
    (PublisherState.SENDING, PublisherEvent.OFFER_OF_STANDBY): Outcome.STAND_BY,
    (PublisherState.SENDING, PublisherEvent.SESSION_LOST): Outcome.WAIT,
    (PublisherState.SENDING, PublisherEvent.SESSION_ENDED): Outcome.CLOSE,
    (PublisherState.SENDING, PublisherEvent.SESSION_RELIEVED): Outcome.SWITCH,
    (PublisherState.SENDING, PublisherEvent.LATE_DELETE): Outcome.NOTHING,  # another session has come since
    (PublisherState.SENDING, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
    (PublisherState.SILENT, PublisherEvent.OFFER_OF_SAME): Outcome.SUCCEED,
    (PublisherState.SILENT, PublisherEvent.OFFER_OF_OTHER): Outcome.REFUSE,
    (PublisherState.SILENT, PublisherEvent.OFFER_OF_STANDBY): Outcome.STAND_BY,
    (PublisherState.SILENT, PublisherEvent.SESSION_LOST): Outcome.WAIT,
    (PublisherState.SILENT, PublisherEvent.SESSION_ENDED): Outcome.CLOSE,
    (PublisherState.SILENT, PublisherEvent.SESSION_RELIEVED): Outcome.SWITCH,
    (PublisherState.SILENT, PublisherEvent.LATE_DELETE): Outcome.NOTHING,
    (PublisherState.SILENT, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.OFFER_OF_SAME): Outcome.SUCCEED,
    (PublisherState.AWAY, PublisherEvent.OFFER_OF_OTHER): Outcome.REPLACE,  # no viewer sees it by surprise
    (PublisherState.AWAY, PublisherEvent.OFFER_OF_STANDBY): Outcome.STAND_BY,
    (PublisherState.AWAY, PublisherEvent.SESSION_LOST): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.SESSION_ENDED): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.SESSION_RELIEVED): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.LATE_DELETE): Outcome.CLOSE,
    (PublisherState.AWAY, PublisherEvent.GRACE_OVER): Outcome.CLOSE,
    (PublisherState.COVERED, PublisherEvent.OFFER_OF_SAME): Outcome.COME_BACK,
    (PublisherState.COVERED, PublisherEvent.OFFER_OF_OTHER): Outcome.REFUSE,
    (PublisherState.COVERED, PublisherEvent.OFFER_OF_STANDBY): Outcome.STAND_BY,
    (PublisherState.COVERED, PublisherEvent.SESSION_LOST): Outcome.NOTHING,
    (PublisherState.COVERED, PublisherEvent.SESSION_ENDED): Outcome.NOTHING,
    (PublisherState.COVERED, PublisherEvent.SESSION_RELIEVED): Outcome.SWITCH,
    (PublisherState.COVERED, PublisherEvent.LATE_DELETE): Outcome.NOTHING,
    (PublisherState.COVERED, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
    (PublisherState.STOOD_IN, PublisherEvent.OFFER_OF_SAME): Outcome.COME_BACK,
    # viewers have seen another's
    (PublisherState.STOOD_IN, PublisherEvent.OFFER_OF_OTHER): Outcome.COME_BACK,
    (PublisherState.STOOD_IN, PublisherEvent.OFFER_OF_STANDBY): Outcome.STAND_BY,
    (PublisherState.STOOD_IN, PublisherEvent.SESSION_LOST): Outcome.WAIT,
    (PublisherState.STOOD_IN, PublisherEvent.SESSION_ENDED): Outcome.CLOSE,
    (PublisherState.STOOD_IN, PublisherEvent.SESSION_RELIEVED): Outcome.SWITCH,
    (PublisherState.STOOD_IN, PublisherEvent.LATE_DELETE): Outcome.NOTHING,
    (PublisherState.STOOD_IN, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
    # Whether the publisher of a copy is gone is decided by the claim in the directory.
    (PublisherState.ELSEWHERE, PublisherEvent.OFFER_OF_SAME): Outcome.SUCCEED,
    (PublisherState.ELSEWHERE, PublisherEvent.OFFER_OF_OTHER): Outcome.REPLACE,
    (PublisherState.ELSEWHERE, PublisherEvent.OFFER_OF_STANDBY): Outcome.SUCCEED,
    # A copy waits and ends with its relay: see media/relay/edge.py.
    (PublisherState.ELSEWHERE, PublisherEvent.SESSION_LOST): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.SESSION_ENDED): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.SESSION_RELIEVED): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.LATE_DELETE): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
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
