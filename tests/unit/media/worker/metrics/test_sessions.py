"""Failed handshakes are counted by a closed set of reasons, each of which is explained."""

from pathlib import Path
from typing import Any

from media.sessions.ledger import Ledger
from media.transport.handshake_failure import HandshakeFailure
from media.worker.metrics.sessions import session_metrics
from shared.messages.signalling import Role
from tests.support.series import series_of

MONITORING = Path("docs/monitoring.md").read_text()


def failed_handshakes(ledger: Ledger) -> dict[tuple[str, ...], float]:
    """By role and reason."""
    roster: Any = []
    return {
        key[1:]: value
        for key, value in series_of(session_metrics(roster, ledger)).items()
        if key[0] == "roomcast_handshakes_failed_total"
    }


def test_each_reason_has_a_series_from_the_start() -> None:
    assert failed_handshakes(Ledger()) == {
        (role, failure.name.lower()): 0 for role in Role for failure in HandshakeFailure
    }


def test_a_failure_counts_for_its_role_and_reason() -> None:
    ledger = Ledger()
    ledger.failed_handshakes[Role.PLAY, HandshakeFailure.STALLED] = 3
    counted = {key: value for key, value in failed_handshakes(ledger).items() if value}
    assert counted == {("play", "stalled"): 3}


def test_each_reason_is_in_the_docs() -> None:
    line = next(line for line in MONITORING.splitlines() if "`roomcast_handshakes_failed_total" in line)
    assert [failure for failure in HandshakeFailure if f"`{failure.name.lower()}`" not in line] == []
