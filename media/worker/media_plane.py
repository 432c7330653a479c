"""Composes the sessions, rooms and relays of one worker around its ports."""

from collections.abc import Callable
from time import monotonic, time

from media.negotiation.candidates import Candidate, Candidates
from media.recording.recorder import Recorder
from media.relay.origin import Origin
from media.rooms.admission import Admission
from media.rooms.chronicle import Chronicle
from media.rooms.late_deletes import LATE_DELETE_SECONDS
from media.rooms.policy import NOTHING_SET, Policy
from media.rooms.rooms import Rooms
from media.rooms.roster import Roster
from media.rooms.seats import Seats
from media.sessions.demux import Demux
from media.sessions.end_reason import EndReason
from media.sessions.ledger import Ledger
from media.switch.switch import PacketSwitch
from media.tracks.sent_track import JoinBurstMode
from media.transport.address import Address
from media.transport.ports import Ports
from media.worker.pump import Pump
from shared.names import RoomName, WorkerId


class MediaPlane:
    """The part of a worker that needs no Redis. `candidates` are where clients reach it.

    If a port takes TCP, they reach it at the same IPs. `closed` is called with each room name that is free
    again. `relay_addresses` are where other workers reach it; empty: at the candidates. `policy`: what
    holds in rooms. `max_edges`: see `Origin`. `grace`: seconds that a room waits for its publisher. `asked`:
    see `Demux`.
    """

    def __init__(
        self,
        worker: WorkerId,
        ports: Ports,
        candidates: Candidates,
        closed: Callable[[RoomName, bool, EndReason], None],
        chronicle: Chronicle,
        *,
        relay_addresses: tuple[Candidate, ...] = (),
        recorder: Recorder | None = None,
        policy: Policy = NOTHING_SET,
        max_viewers_per_client: int = 0,
        max_edges: int = 0,
        join_burst: JoinBurstMode = "auto",
        grace: float = 0.0,
        clock: Callable[[], float] = monotonic,
        unix_clock: Callable[[], float] = time,
        asked: Callable[[bytes, Address], bool] = lambda _data, _source: False,
    ) -> None:
        self.ledger = Ledger(clock)
        self.switch = PacketSwitch(ports.transmit_to, ports.backlog_to, ports.fan_out_to, ports.make_opener)
        self.demux = Demux(ports.send, asked, ports.taken, ports.left)
        seats = Seats(max_viewers_per_client)
        self.roster = Roster(worker, ports.send, candidates, self.demux, self.ledger, ports.tcp_number, seats)
        self.origin = Origin(
            self.switch,
            self.demux,
            ports.send,
            self.ledger.relays,
            Candidates(relay_addresses) if relay_addresses else candidates,
            max_edges,
        )
        self.rooms = Rooms(
            self.ledger,
            self.origin,
            closed,
            chronicle,
            recorder,
            policy=policy,
            join_burst=join_burst,
            grace=grace,
            clock=clock,
            unix_clock=unix_clock,
        )
        self.admission = Admission(
            self.rooms,
            self.roster,
            self.switch,
            self.ledger,
            policy=policy,
            late_delete_seconds=max(LATE_DELETE_SECONDS, grace),
            clock=clock,
        )
        self.pump = Pump(self.demux, self.switch, clock)

    def viewers_at(self, now: float) -> int:
        """Viewers that use this worker: without those that should have connected by `now`."""
        return self.rooms.viewer_count - self.roster.seats.late(now)

    @property
    def depending(self) -> int:
        """How many sessions, and edges that get copies from here, end when this worker stops."""
        return len(self.roster) + self.origin.leaving

    @property
    def is_at_rest(self) -> bool:
        """Whether there are no sessions, rooms and relays, for which ticks are."""
        return not (len(self.roster) or len(self.rooms) or self.demux.relay_count)

    def tick(self, now: float) -> None:
        """Do what is due for sessions, offers, rooms and relays to other workers.

        Called several times a second, and each second while the plane is at rest.
        """
        self.roster.tick(now)
        self.admission.offers.drop_old(now)
        self.rooms.tick(now)
        self.origin.tick(now)
