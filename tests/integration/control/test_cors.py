"""The exact CORS headers, on every response."""

import httpx
import pytest

from shared.messages.signalling import Publish
from tests.integration.control.conftest import Stage
from tests.integration.control.row import SESSION
from tests.support.offers import PUBLISH_OFFER, post_offer

PLAIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization, X-Auth-Token",
    "Access-Control-Expose-Headers": (
        "Location, Link, ETag, Retry-After, Accept-Patch, Access-Control-Allow-Methods"
    ),
}
OF_A_SESSION = PLAIN | {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Content-Type, Authorization, X-Auth-Token, If-Match, ETag",
}


def cors_of(response: httpx.Response) -> dict[str, str]:
    headers = {name.title(): value for name, value in response.headers.items() if name.startswith("access-")}
    may_be_kept = headers.pop("Access-Control-Max-Age", None)
    assert may_be_kept == ("600" if response.request.method == "OPTIONS" else None)
    assert response.headers["Cache-Control"] == "no-store"  # there may be credentials in it
    return headers


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST", "PUT"])
@pytest.mark.parametrize(
    "path",
    ["/api/whip/publish/demo", "/api/whip/publish/a.b", "/api/whep/play/demo", "/api/rooms", "/api/none"],
)
async def test_endpoints(method: str, path: str, stage: Stage) -> None:
    assert cors_of(await (await stage.control()).request(method, path)) == PLAIN


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "PATCH", "DELETE", "PUT"])
@pytest.mark.parametrize("base", ["/api/whip/publish", "/api/whep/play"])
async def test_session_resources(method: str, base: str, stage: Stage) -> None:
    http = await stage.control(auth_token="secret-of-all")
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        response = await http.request(method, f"{base}/demo/{SESSION}", headers=headers)
        assert cors_of(response) == OF_A_SESSION


@pytest.mark.parametrize("part", ["layer", "viewing"])
async def test_the_choice_of_a_layer_and_reports(stage: Stage, part: str) -> None:
    http = await stage.control()
    for method in ("OPTIONS", "POST", "GET"):
        assert cors_of(await http.request(method, f"/api/whep/play/demo/{SESSION}/{part}")) == OF_A_SESSION


async def test_the_500_that_nobody_foresaw(stage: Stage) -> None:
    worker = await stage.worker()
    worker.answers[Publish] = KeyError("bug")
    response = await post_offer(await stage.control(), "/api/whip/publish/demo", PUBLISH_OFFER)
    assert response.status_code == 500
    assert cors_of(response) == PLAIN


async def test_the_429_of_the_rate_limit(stage: Stage) -> None:
    http = await stage.control(rate_limit_rps=0.001)
    await http.get("/api/rooms")
    response = await http.delete(f"/api/whip/publish/demo/{SESSION}")
    assert response.status_code == 429
    assert cors_of(response) == OF_A_SESSION


async def test_the_origin_is_the_configured_one(stage: Stage) -> None:
    http = await stage.control(allowed_origin="https://app.test")
    for path in ("/api/rooms", "/api/none"):
        response = await http.get(path, headers={"Origin": "https://evil.test"})
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.test"
