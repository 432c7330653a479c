"""The life of a room's publisher as a table: the outcome of each event in each state.

docs/architecture.md shows the same table in words. When the tracks of an offer do not fit the room, `SUCCEED`
becomes `REPLACE`.
"""

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
    FAREWELL = auto()  # the DELETE that may follow a lost session
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
    (PublisherState.SENDING, PublisherEvent.FAREWELL): Outcome.NOTHING,  # another session has come since
    (PublisherState.SENDING, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
    (PublisherState.SILENT, PublisherEvent.OFFER_OF_SAME): Outcome.SUCCEED,
    (PublisherState.SILENT, PublisherEvent.OFFER_OF_OTHER): Outcome.REFUSE,
    (PublisherState.SILENT, PublisherEvent.SESSION_LOST): Outcome.WAIT,
    (PublisherState.SILENT, PublisherEvent.SESSION_ENDED): Outcome.CLOSE,
    (PublisherState.SILENT, PublisherEvent.FAREWELL): Outcome.NOTHING,
    (PublisherState.SILENT, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.OFFER_OF_SAME): Outcome.SUCCEED,
    (PublisherState.AWAY, PublisherEvent.OFFER_OF_OTHER): Outcome.REPLACE,  # no viewer sees it by surprise
    (PublisherState.AWAY, PublisherEvent.SESSION_LOST): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.SESSION_ENDED): Outcome.NOTHING,
    (PublisherState.AWAY, PublisherEvent.FAREWELL): Outcome.CLOSE,
    (PublisherState.AWAY, PublisherEvent.GRACE_OVER): Outcome.CLOSE,
    # Whether the publisher of a copy is gone is decided by the claim in the directory.
    (PublisherState.ELSEWHERE, PublisherEvent.OFFER_OF_SAME): Outcome.SUCCEED,
    (PublisherState.ELSEWHERE, PublisherEvent.OFFER_OF_OTHER): Outcome.REPLACE,
    # A copy waits and ends with its relay: see media/relay/edge.py.
    (PublisherState.ELSEWHERE, PublisherEvent.SESSION_LOST): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.SESSION_ENDED): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.FAREWELL): Outcome.NOTHING,
    (PublisherState.ELSEWHERE, PublisherEvent.GRACE_OVER): Outcome.NOTHING,
}
