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
    ELSEWHERE = auto()  # the room is a copy; its publisher is, or was, at another worker


class PublisherEvent(Enum):
    OFFER_OF_SAME = auto()  # an offer with the publisher's credentials ...
    OFFER_OF_OTHER = auto()  # ... or with other ones
    SESSION_LOST = auto()  # its session ended, and it may come back
    SESSION_ENDED = auto()  # its session ended for good
    LATE_DELETE = auto()  # the DELETE that may follow a lost session
    GRACE_OVER = auto()  # it has been away for PUBLISHER_GRACE


class Outcome(Enum):
    REFUSE = auto()  # the offer gets 409
    SUCCEED = auto()  # the newcomer takes the publisher's place; viewers stay
    REPLACE = auto()  # the room ends, and the newcomer opens a new one of its name
    WAIT = auto()  # the room waits for its publisher
    CLOSE = auto()  # the room ends
    NOTHING = auto()


LIFE: Mapping[tuple[PublisherState, PublisherEvent], Outcome] = {
    (PublisherState.SENDING, PublisherEvent.OFFER_OF_SAME): Outcome.REFUSE,
    (PublisherState.SENDING, PublisherEvent.OFFER_OF_OTHER): Outcome.REFUSE,
    (PublisherState.SENDING, PublisherEvent.SESSION_LOST): Outcome.WAIT,
    (PublisherState.SENDING, PublisherEvent.SESSION_ENDED): Outcome.CLOSE,
    (PublisherState.SENDING, PublisherEvent.LATE_DELETE): Outcome.NOTHING,  # another session has come since
    (PublisherState.SENDING, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
    (PublisherState.SILENT, PublisherEvent.OFFER_OF_SAME): Outcome.SUCCEED,
    (PublisherState.SILENT, PublisherEvent.OFFER_OF_OTHER): Outcome.REFUSE,
    (PublisherState.SILENT, PublisherEvent.SESSION_LOST): Outcome.WAIT,
    (PublisherState.SILENT, PublisherEvent.SESSION_ENDED): Outcome.CLOSE,
    (PublisherState.SILENT, PublisherEvent.LATE_DELETE): Outcome.NOTHING,
    (PublisherState.SILENT, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.OFFER_OF_SAME): Outcome.SUCCEED,
    (PublisherState.AWAY, PublisherEvent.OFFER_OF_OTHER): Outcome.REPLACE,  # no viewer sees it by surprise
    (PublisherState.AWAY, PublisherEvent.SESSION_LOST): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.SESSION_ENDED): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.LATE_DELETE): Outcome.CLOSE,
    (PublisherState.AWAY, PublisherEvent.GRACE_OVER): Outcome.CLOSE,
    # Whether the publisher of a copy is gone is decided by the claim in the directory.
    (PublisherState.ELSEWHERE, PublisherEvent.OFFER_OF_SAME): Outcome.SUCCEED,
    (PublisherState.ELSEWHERE, PublisherEvent.OFFER_OF_OTHER): Outcome.REPLACE,
    # A copy waits and ends with its relay: see media/relay/edge.py.
    (PublisherState.ELSEWHERE, PublisherEvent.SESSION_LOST): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.SESSION_ENDED): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.LATE_DELETE): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
}


def on_offer(state: PublisherState, of_room: str, of_offer: str) -> Outcome:
    """What an offer leads to; the identities are those of the room's publisher and of the offer."""
    same = is_same(of_room, of_offer)
    return LIFE[state, PublisherEvent.OFFER_OF_SAME if same else PublisherEvent.OFFER_OF_OTHER]


def is_same(identity: str, other: str) -> bool:
    """Whether both identities stand for the same credentials. An empty one equals none."""
    return bool(identity) and hmac.compare_digest(identity.encode(), other.encode())
