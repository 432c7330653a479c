"""One worker without sockets, where people publish and watch.

Sessions are real ones that no client connects to: a publisher counts as alive for its first seconds.
"""

from typing import Any

from media.negotiation.candidates import Candidates
from media.rooms.admission import Admission
from media.rooms.chronicle import Chronicle
from media.rooms.policy import NOTHING_SET, Policy
from media.rooms.room import Room
from media.rooms.rooms import Rooms
from media.rooms.roster import Roster
from media.sessions.demux import Demux
from media.sessions.end_reason import EndReason
from media.sessions.ledger import Ledger
from media.sessions.publisher_session import PublisherSession
from media.sessions.viewer_session import ViewerSession
from media.switch.switch import PacketSwitch
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName, SessionId, WorkerId
from shared.sdp.offer import Offer, parse_offer
from tests.support.native_loop import looped_fan_out, used_opener
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.room_source import RoomSource

DEMO = RoomName("demo")
GRACE = 10.0
OFFER, PLAY = parse_offer(PUBLISH_OFFER.decode()), parse_offer(PLAY_OFFER.decode())


class Copies:
    def __init__(self) -> None:
        self.closed: list[tuple[RoomName, EndReason]] = []
        self.changed: list[RoomName] = []

    def room_closed(self, name: RoomName, reason: EndReason) -> None:
        self.closed.append((name, reason))

    def tracks_changed(self, name: RoomName) -> None:
        self.changed.append(name)


class World:
    def __init__(self, grace: float = GRACE, policy: Policy = NOTHING_SET) -> None:
        self.now = 100.0
        self.ledger, self.copies = Ledger(lambda: self.now), Copies()
        self.freed: list[tuple[RoomName, bool, EndReason]] = []
        send: Any = lambda *_: None  # noqa: E731
        switch = PacketSwitch(
            lambda _: send, fan_out_to=lambda _: looped_fan_out(send), make_opener=used_opener()
        )
        self.demux = Demux(send, lambda *_: False)
        self.roster = Roster(WorkerId("w1"), send, Candidates([("192.0.2.1", 1)]), self.demux, self.ledger)
        self.rooms = Rooms(
            self.ledger,
            self.copies,
            lambda *freed: self.freed.append(freed),
            Chronicle(WorkerId("w1"), "process", lambda: None),
            grace=grace,
            clock=lambda: self.now,
            unix_clock=lambda: self.now + 1e9,
        )
        self.admission = Admission(
            self.rooms,
            self.roster,
            switch,
            self.ledger,
            policy=policy,
            clock=lambda: self.now,
        )

    def publish(
        self, identity: str = "ann", *, stands_by: bool = False, alone: bool = False, tracks: int = 2
    ) -> PublisherSession:
        with self.admission.opening(DEMO, identity, self.now, stands_by=stands_by):
            local, own, _ = self.admission.negotiate_publish(OFFER, over_ipv6=False)
            return self.admission.publish(
                DEMO, OFFER, local, own[:tracks], self.now, None, identity, stands_by=stands_by, alone=alone
            )

    def may_publish(self, identity: str = "ann") -> bool:
        try:
            self.publish(identity)
        except ServiceError as refusal:
            return refusal.code is not ErrorCode.PUBLISHER_EXISTS
        return True

    def watch(self, elsewhere: int = 0, offer: Offer = PLAY, client: str = "") -> ViewerSession:
        return self.admission.join(DEMO, offer, self.now, None, elsewhere, client=client)[0]

    def copy(self, identity: str = "ann") -> Room:
        """A room whose publisher is at another worker."""
        source = RoomSource("w2", heard_at=self.now)
        _, tracks, _ = self.admission.negotiate_publish(OFFER, over_ipv6=False)
        return self.rooms.open(DEMO, tracks, lambda _: source, self.now, identity=identity)

    def delete(self, session: SessionId, role: Role = Role.PUBLISH) -> str:
        return self.admission.delete(session, DEMO, role, self.now)

    @property
    def room(self) -> Room | None:
        return self.rooms.find(DEMO)
