"""Every row of the HTTP contract, over real HTTP, each named for its promise."""

from pathlib import Path

import pytest

from tests.integration.control.conftest import Stage
from tests.integration.control.row import NO_PUBLISHER, WHEP, WHIP, Row
from tests.integration.control.rows_queries import QUERY_ROWS
from tests.integration.control.rows_sessions import SESSION_ROWS
from tests.integration.control.rows_streaming import STREAMING_ROWS
from tests.integration.control.rows_webhooks import WEBHOOK_ROWS

ROWS = [*STREAMING_ROWS, *SESSION_ROWS, *QUERY_ROWS, *WEBHOOK_ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.promise)
async def test_contract(row: Row, stage: Stage, tmp_path: Path) -> None:
    if row.worker:
        await row.set_up(await stage.worker(), tmp_path)
    http = await stage.control(**row.settings_with(tmp_path))

    response = await row.send(http)

    assert response.status_code == row.status, response.text
    if row.error is not None:
        assert response.headers["Content-Type"] == "application/json"
        assert response.json()["error"] == row.error
    if row.status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
    if row.status == 405:
        allowed = response.headers["Allow"].split(", ")
        assert "OPTIONS" in allowed
        assert row.method not in allowed
    if row.status == 503 or row.error == NO_PUBLISHER:
        assert int(response.headers["Retry-After"]) >= 1
    # CORS is on everything, errors included; test_cors.py has all of its headers
    session = row.path.startswith((WHIP, WHEP)) and row.path.count("/") >= 5
    methods = "GET, POST, OPTIONS" + (", PATCH, DELETE" if session else "")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Methods"] == methods
    assert response.headers["X-Request-Id"]
