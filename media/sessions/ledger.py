"""What a worker has done so far, in plain counts.

Rooms and sessions come and go, and their own counts go with them. A counter that Prometheus reads must not
decrease: so the final counts of rooms and sessions are added up here.
"""

from collections import Counter
from collections.abc import Callable
from time import monotonic

from media.counts import Histogram, PublisherStats, Totals, ViewerStats
from media.sessions.end_reason import EndReason
from media.sessions.session import Session
from media.transport.handshake_failure import HandshakeFailure
from shared.messages.signalling import Role
from shared.telemetry.recent_clients import RecentClients

SETUP_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LIFE_BOUNDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 12 * 3600.0)


class Ledger:
    """Rooms and sessions fill it; the metrics read it. `clock` is a steady one, in seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.opened: Counter[Role] = Counter()
        self.ended: Counter[tuple[Role, EndReason]] = Counter()
        self.failed_handshakes: Counter[tuple[Role, HandshakeFailure]] = Counter()
        self.handshakes = {role: Histogram(SETUP_BOUNDS) for role in Role}
        self.connects = {role: Histogram(SETUP_BOUNDS) for role in Role}
        self.clients = {role: RecentClients(clock) for role in Role}  # whether they connect
        self.interrupted = dict.fromkeys(Role, 0.0)  # seconds
        self.lives = {role: Histogram(LIFE_BOUNDS) for role in Role}
        self.feeds = Totals("rx_packets", "rx_bytes", "rx_dropped", "rx_recovered", "rx_late")
        self.publishers = PublisherStats()
        self.first_pictures = Histogram(SETUP_BOUNDS)
        self.viewers = ViewerStats(self.first_pictures.observe)
        self.relays = ViewerStats()  # to edges, which are viewers to this worker

    def session_opened(self, session: Session) -> None:
        self.opened[session.role] += 1

    def session_interrupted(self, session: Session, seconds: float) -> None:
        self.interrupted[session.role] += seconds

    def session_connected(self, session: Session, since_answer: float, handshake: float) -> None:
        self.clients[session.role].tried(session.client, got_in=True)
        self.connects[session.role].observe(since_answer)
        self.handshakes[session.role].observe(handshake)

    def session_ended(self, session: Session, reason: EndReason) -> None:
        self.ended[session.role, reason] += 1
        if reason in (EndReason.NOT_CONNECTED, EndReason.HANDSHAKE_FAILED):
            self.clients[session.role].tried(session.client, got_in=False)
        if session.connected:
            self.lives[session.role].observe(self._clock() - session.began_at)
        if session.handshake_error is not None:
            self.failed_handshakes[session.role, session.handshake_error.failure] += 1
