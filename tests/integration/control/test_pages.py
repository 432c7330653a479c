"""The pages and their security headers."""

import re

from tests.integration.control.conftest import StartControl


async def test_pages_run_nothing_but_our_own_files(start_control: StartControl) -> None:
    http = await start_control()
    for path in ("/", "/static/index.html"):
        headers = (await http.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-inline" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


async def test_a_page_may_reach_the_public_url(start_control: StartControl) -> None:
    http = await start_control(public_url="https://live.test/base")
    assert "connect-src 'self' https://live.test;" in (await http.get("/")).headers["Content-Security-Policy"]


async def test_the_page_works_below_a_path_prefix(start_control: StartControl) -> None:
    http = await start_control()
    page = (await http.get("/")).text
    references = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert references
    for reference in references:
        assert not reference.startswith(("/", "http:", "https:"))
        assert (await http.get(f"/{reference}")).status_code == 200
