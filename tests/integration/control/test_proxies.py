"""Behind a proxy: the Location of a session, and which proxies are trusted."""

import pytest

from tests.integration.control.conftest import Stage
from tests.support.offers import PUBLISH_OFFER

PATH = "/api/whip/publish/demo/w1."
PROXIED = {"X-Forwarded-Prefix": "/live/", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("settings", "headers", "start"),
    [
        ({"trusted_proxies": "192.0.2.1"}, PROXIED, PATH),
        ({"trusted_proxies": "127.0.0.1"}, PROXIED, "/live" + PATH),
        ({"public_url": "https://live.test/base/"}, {}, "https://live.test/base" + PATH),
        (
            {"public_url": "https://live.test", "trusted_proxies": "127.0.0.1"},
            PROXIED,
            "https://live.test" + PATH,
        ),
    ],
)
async def test_location(settings: dict[str, str], headers: dict[str, str], start: str, stage: Stage) -> None:
    await stage.worker()
    http = await stage.control(**settings)
    headers = {"Content-Type": "application/sdp"} | headers
    response = await http.post("/api/whip/publish/demo?token=x", content=PUBLISH_OFFER, headers=headers)
    assert response.headers["Location"].startswith(start)
    assert "?" not in response.headers["Location"]
