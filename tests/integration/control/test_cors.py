"""Whose pages may read answers. `description.py` compares the CORS headers of every answer in these tests."""

import pytest

from tests.integration.control.conftest import Stage


@pytest.mark.parametrize("path", ["/api/rooms", "/api/none", "/api/whip/publish/a.b/session"])
async def test_the_origin_is_the_configured_one(path: str, stage: Stage) -> None:
    http = await stage.control(allowed_origin="https://app.test")
    response = await http.get(path, headers={"Origin": "https://evil.test"})
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.test"
