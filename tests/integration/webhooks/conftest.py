"""Fast turns, and a receiver."""

from collections.abc import AsyncIterator

import pytest

from control.webhooks import delivery, lost_rooms
from control.webhooks import webhooks as composed
from shared.bus import lease
from tests.support.webhook_receiver import WebhookReceiver


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_SECONDS", 0.02)
    monkeypatch.setattr(delivery, "LAST_SECONDS", 0.1)
    monkeypatch.setattr(delivery, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(delivery, "AWAY_SECONDS", 0.05)
    monkeypatch.setattr(delivery, "TAKE_SECONDS", 0.05)
    monkeypatch.setattr(delivery, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(delivery, "ATTEMPT_SECONDS", 0.5)
    monkeypatch.setattr(lost_rooms, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(lost_rooms, "DEAD_SECONDS", 60.0)  # the workers of most tests do not exist
    monkeypatch.setattr(composed, "PREPARE_SECONDS", 0.1)
    monkeypatch.setattr(lease.keys, "LEASE_TTL_MS", 2_500)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as running:
        yield running
