"""Whose pages may read answers. `description.py` compares the CORS headers of every answer in these tests."""

import pytest

from tests.integration.control.conftest import Stage
from tests.integration.control.description import CORS, description
from tests.integration.control.row import PARAMETERS


@pytest.mark.parametrize("path", ["/api/rooms", "/api/none", "/api/whip/publish/a.b/session"])
async def test_the_origin_is_the_configured_one(path: str, stage: Stage) -> None:
    http = await stage.control(allowed_origin="https://app.test")
    response = await http.get(path, headers={"Origin": "https://evil.test"})
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.test"


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"Authorization": f"Bearer {'x' * 20_000}"}, "/api/rooms", 431),
        ({}, f"/api/rooms?name={'x' * 20_000}", 414),
    ],
)
async def test_a_page_reads_also_why_its_request_was_not(
    headers: dict[str, str], path: str, status: int, stage: Stage
) -> None:
    http = await stage.control(allowed_origin="https://app.test")
    http.event_hooks = {}  # such a request has no id
    response = await http.get(path, headers=headers)
    found = {name: value for name, value in response.headers.items() if name.startswith("access-")}
    assert response.status_code == status
    assert found == CORS | {"access-control-allow-origin": "https://app.test"}


@pytest.mark.parametrize("path", ["/api/nothing", "/api/rooms/", "/api/whep/play/demo/a/b/c"])
async def test_a_preflight_of_an_unknown_path_lets_any_request_hear_so(path: str, stage: Stage) -> None:
    http = await stage.control()
    response = await http.options(path)
    assert (response.status_code, response.content) == (204, b"")
    allowed = response.headers["Access-Control-Allow-Methods"].split(", ")
    assert sorted(allowed) == ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"]
    for method in allowed:
        if method != "OPTIONS":
            assert (await http.request(method, path)).status_code == 404


async def test_a_preflight_allows_each_method_that_there_is(stage: Stage) -> None:
    http = await stage.control()
    for path, method in sorted(description().operations()):
        response = await http.options(path.format_map(PARAMETERS))
        allowed = response.headers["Access-Control-Allow-Methods"].split(", ")
        assert method in allowed, path
