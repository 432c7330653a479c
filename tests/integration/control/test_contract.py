"""Every row of the HTTP contract, over real HTTP, each named for its promise."""

from itertools import groupby
from pathlib import Path

import httpx
import pytest

from tests.integration.control.conftest import Stage
from tests.integration.control.row import Row
from tests.integration.control.rows_alike import ALIKE_ROWS
from tests.integration.control.rows_queries import QUERY_ROWS
from tests.integration.control.rows_sessions import SESSION_ROWS
from tests.integration.control.rows_streaming import STREAMING_ROWS

ROWS = [*STREAMING_ROWS, *SESSION_ROWS, *QUERY_ROWS, *ALIKE_ROWS]


# Rows whose requests change nothing, by settings: each has one control process and one worker for all.
TOGETHER = [
    list(rows)
    for _, rows in groupby(
        sorted((row for row in ROWS if row.changes_nothing), key=lambda row: str(row.settings)),
        key=lambda row: str(row.settings),
    )
]


@pytest.mark.parametrize("row", [row for row in ROWS if not row.changes_nothing], ids=lambda row: row.promise)
async def test_contract(row: Row, stage: Stage, tmp_path: Path) -> None:
    if row.worker:
        await row.set_up(await stage.worker(), tmp_path)
    await keeps(row, await stage.control(**row.settings_with(tmp_path)))


@pytest.mark.parametrize("rows", TOGETHER, ids=lambda rows: " ".join(rows[0].settings) or "as it comes")
async def test_contract_of_what_changes_nothing(rows: list[Row], stage: Stage, tmp_path: Path) -> None:
    await stage.worker()
    http = await stage.control(**rows[0].settings_with(tmp_path))
    for row in rows:
        await keeps(row, http)


async def keeps(row: Row, http: httpx.AsyncClient) -> None:
    """Fail unless the answer is as the row says; `conftest.py` compares it with the description."""
    response = await row.send(http)
    assert response.status_code == row.status, (row.promise, response.text)
    error = row.error or ("no media worker available" if row.status == 503 else None)
    if error is not None:
        assert response.json()["error"] == error, row.promise
    assert response.headers["Access-Control-Allow-Origin"] == "*"
