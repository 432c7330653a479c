"""The pages and their security headers."""

import re
from urllib.parse import urljoin

import pytest

from tests.integration.control.conftest import StartControl
from tests.integration.control.rows_queries import PAGES


async def test_pages_run_nothing_but_our_own_files(start_control: StartControl) -> None:
    http = await start_control()
    for path in (*PAGES, "/static/embed.html"):
        headers = (await http.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-inline" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


async def test_only_the_embedded_player_may_be_framed_by_other_sites(start_control: StartControl) -> None:
    http = await start_control()
    for path in PAGES:
        policy = (await http.get(path)).headers["Content-Security-Policy"]
        assert policy.endswith("frame-ancestors *" if path.startswith("/embed") else "frame-ancestors 'self'")


async def test_a_page_may_reach_the_public_url(start_control: StartControl) -> None:
    http = await start_control(public_url="https://live.test/base")
    assert "connect-src 'self' https://live.test;" in (await http.get("/")).headers["Content-Security-Policy"]


async def test_the_page_about_the_api_has_this_server_in_its_examples(start_control: StartControl) -> None:
    for public_url, server in (
        ("", "http://localhost:8080"),
        ("https://live.test/base", "https://live.test/base"),
    ):
        page = (await (await start_control(public_url=public_url)).get("/docs")).text
        assert f"curl -X POST {server}/api/whip/publish/demo" in page
        assert '<a href="./docs" aria-current="page">' in page
        assert "JavaScript" not in page  # it needs none


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_works_below_a_path_prefix(start_control: StartControl, page: str) -> None:
    http = await start_control()
    references = set(re.findall(r'(?:src|href)="([^"#]+)', (await http.get(page)).text))
    assert references
    for reference in references:
        assert not reference.startswith(("/", "http:", "https:"))
        assert (await http.get(urljoin(page, reference))).status_code == 200


async def test_nothing_in_a_page_needs_what_the_policy_forbids(start_control: StartControl) -> None:
    http = await start_control()
    for path in PAGES:
        page = (await http.get(path)).text
        assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script>", page)


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_is_whole_and_is_sent_once(start_control: StartControl, page: str) -> None:
    http = await start_control()
    fetched = await http.get(page)
    assert fetched.headers["Content-Type"] == "text/html; charset=utf-8"
    assert fetched.text.count("<main") == fetched.text.count("<title>") == 1
    assert not re.findall(r"ROOT|<!--", fetched.text)
    again = await http.get(page, headers={"If-None-Match": fetched.headers["ETag"]})
    assert again.status_code == 304
    assert not again.content


@pytest.mark.parametrize(
    ("file", "media_type"),
    [
        ("js/session.js", "text/javascript"),
        ("css/base.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_files_have_their_types_and_are_fetched_once(
    start_control: StartControl, file: str, media_type: str
) -> None:
    http = await start_control()
    fetched = await http.get(f"/static/{file}")
    assert fetched.headers["Content-Type"].partition(";")[0] == media_type
    assert fetched.headers["Cache-Control"] == "no-cache"
    assert fetched.headers["Access-Control-Allow-Origin"] == "*"  # modules, from pages of other sites
    again = await http.get(f"/static/{file}", headers={"If-None-Match": fetched.headers["ETag"]})
    assert again.status_code == 304
    assert not again.content
