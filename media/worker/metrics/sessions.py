"""Sessions: how many, in which state, why they ended, and how long they took to connect."""

from collections import Counter
from collections.abc import Iterable
from time import monotonic

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from media.rooms.roster import Roster
from media.sessions.end_reason import EndReason
from media.sessions.ledger import Ledger
from media.sessions.session import SessionState
from media.sessions.viewer_session import ViewerSession
from media.transport.address import transport_of
from media.transport.handshake_failure import HandshakeFailure
from media.worker.metrics.exposition import family, single
from shared.messages.signalling import Role
from shared.telemetry.recent_clients import clients_family


def session_metrics(roster: Roster, ledger: Ledger) -> Iterable[Metric]:
    counts = Counter((session.role, session.state) for session in roster)
    sessions = GaugeMetricFamily("roomcast_sessions", "Open sessions.", labels=["role", "state"])
    opened = CounterMetricFamily("roomcast_sessions_opened", "Sessions that were answered.", labels=["role"])
    ended = CounterMetricFamily(
        "roomcast_sessions_ended", "Sessions that ended, by reason.", labels=["role", "reason"]
    )
    failed = CounterMetricFamily(
        "roomcast_handshakes_failed",
        "DTLS handshakes that failed or did not end in time, by reason.",
        labels=["role", "reason"],
    )
    for role in Role:
        for state in SessionState:
            sessions.add_metric([role, state], counts[role, state])
        opened.add_metric([role], ledger.opened[role])
        for reason in EndReason:
            ended.add_metric([role, reason.name.lower()], ledger.ended[role, reason])
        for failure in HandshakeFailure:
            failed.add_metric([role, failure.name.lower()], ledger.failed_handshakes[role, failure])
    interrupted = CounterMetricFamily(
        "roomcast_interrupted_seconds",
        "Time for which nothing was heard of connected clients that were heard again later.",
        labels=["role"],
    )
    for role, seconds in ledger.interrupted.items():
        interrupted.add_metric([role], seconds)
    yield from (sessions, opened, ended, failed, interrupted, _transports(roster))
    now = monotonic()
    yield GaugeMetricFamily(
        "roomcast_viewers_without_picture",
        "Viewers that have been connected for five seconds and have had no picture, which is being sent.",
        value=sum(session.lacks_picture(now) for session in roster if isinstance(session, ViewerSession)),
    )
    yield clients_family(
        "roomcast_connecting_clients",
        "Clients whose sessions began within five minutes, by whether the last one connected.",
        ledger.clients.items(),
        ("connected", "failed"),
    )
    yield family(
        "roomcast_connect_seconds",
        "Time from the answer until the session can carry media.",
        "role",
        ledger.connects,
    )
    yield family(
        "roomcast_handshake_seconds",
        "Time of the DTLS handshake: from the first valid ICE check to the SRTP keys.",
        "role",
        ledger.handshakes,
    )
    yield family(
        "roomcast_session_seconds",
        "Time from the answer to the end of sessions that were connected.",
        "role",
        ledger.lives,
    )
    yield single(
        "roomcast_viewer_loss_ratio",
        "Share of packets that viewers report as lost: one value a second of each viewer.",
        ledger.viewers.losses,
    )
    yield single(
        "roomcast_viewer_rtt_seconds",
        "Round trip to viewers, by their reports: one value a second of each viewer.",
        ledger.viewers.round_trips,
    )
    yield single(
        "roomcast_first_picture_seconds",
        "Time from a viewer's answer to the first keyframe packet sent to it.",
        ledger.first_pictures,
    )


def _transports(roster: Roster) -> Metric:
    metric = GaugeMetricFamily(
        "roomcast_transport_sessions",
        "Open sessions by what their client is reached over; from its first check on.",
        labels=["transport"],
    )
    counts = Counter(transport_of(session.ice.selected) for session in roster)
    for transport in ("udp", "tcp"):
        metric.add_metric([transport], counts[transport])
    return metric
