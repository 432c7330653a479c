"""Offers that this worker has made to viewers who have not answered yet (draft-ietf-wish-whep 4.3.2).

An offer costs its client one request, as a session to which nobody connects does. So offers are few and short
lived, and the oldest gives way. No packet is received for one: its session begins with the answer.
"""

from dataclasses import dataclass

from media.rooms.room import Room
from media.transport.ice import Credentials
from shared.messages.rulings import TokenMark
from shared.names import SessionId

VALID_SECONDS = 30.0  # as the draft has it where nothing is said
MOST_OFFERS = 500
MOST_OFFERS_OF_CLIENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOffer:
    """What the session will be made of, once its viewer has answered. Times are of the steady clock."""

    session: SessionId
    room: Room
    local: Credentials
    until: float
    expires_at: float | None
    token: TokenMark | None
    client: str
    viewers_elsewhere: int


class ServerOffers:
    """Holds them. `now` is in seconds of a steady clock."""

    def __init__(self) -> None:
        self._offers: dict[SessionId, ServerOffer] = {}  # the oldest first, which also ends first

    def hold(self, offer: ServerOffer, now: float) -> None:
        """Add one. The oldest goes if there are too many, of its client or in all."""
        self.drop_old(now)
        own = [one.session for one in self._offers.values() if offer.client and one.client == offer.client]
        if len(own) >= MOST_OFFERS_OF_CLIENT:
            del self._offers[own[0]]
        elif len(self._offers) >= MOST_OFFERS:
            del self._offers[next(iter(self._offers))]
        self._offers[offer.session] = offer
        offer.room.offered_until = offer.until

    def find(self, session: str, room: str, now: float) -> ServerOffer | None:
        """The offer, if it may still be answered. `room`: "" for any."""
        self.drop_old(now)
        offer = self._offers.get(SessionId(session))
        return offer if offer is not None and room in ("", offer.room.name) else None

    def take_out(self, offer: ServerOffer) -> None:
        del self._offers[offer.session]

    def drop_old(self, now: float) -> None:
        """Forget those whose time is over, and with them their rooms, which may have ended long ago."""
        while self._offers and (first := next(iter(self._offers.values()))).until <= now:
            del self._offers[first.session]
