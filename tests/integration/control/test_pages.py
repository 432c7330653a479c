"""The pages and their security headers."""

import asyncio
import re
import threading
from typing import Any
from urllib.parse import urljoin

import pytest

from control.routes import pages
from control.routes.page_text import WEB, Page, page_text
from tests.integration.control.conftest import Stage
from tests.integration.control.rows_queries import PAGES


async def test_pages_run_nothing_but_our_own_files_and_only_the_player_may_be_framed(stage: Stage) -> None:
    http = await stage.control()
    for path in (*PAGES, "/static/embed.html"):
        page = await http.get(path)
        headers, policy = page.headers, page.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-inline" not in policy
        assert policy.endswith("frame-ancestors *" if "/embed" in path else "frame-ancestors 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script>", page.text)


async def test_the_page_about_the_api_is_made_once_and_holds_up_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on, made = threading.Event(), threading.Event(), list[str]()

    def slowly(page: Page, language: str, path: str, server: str) -> str:
        made.append(path)
        begun.set()
        assert may_go_on.wait(5)
        return page_text(page, language, path, server)

    monkeypatch.setattr(pages, "page_text", slowly)
    http = await stage.control()
    asked = [asyncio.create_task(http.get("/docs")) for _ in range(3)]
    assert await asyncio.to_thread(begun.wait, 5)
    assert (await http.get("/healthz")).status_code == 200
    may_go_on.set()
    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200, 200, 200]
    assert made == ["/docs"]


async def test_a_page_may_reach_the_public_url(stage: Stage) -> None:
    http = await stage.control(public_url="https://live.test/base")
    assert "connect-src 'self' https://live.test;" in (await http.get("/")).headers["Content-Security-Policy"]


async def test_the_page_about_the_api_has_this_server_in_its_examples(stage: Stage) -> None:
    for public_url, server in (
        ("", "http://localhost:8080"),
        ("https://live.test/base", "https://live.test/base"),
    ):
        page = (await (await stage.control(public_url=public_url)).get("/docs")).text
        assert f"curl -X POST {server}/api/whip/publish/demo" in page
        assert '<a href="./docs" aria-current="page">' in page
        assert "JavaScript" not in page  # it needs none


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_is_whole_is_sent_once_and_works_below_a_path_prefix(stage: Stage, page: str) -> None:
    http = await stage.control()
    fetched = await http.get(page)
    assert fetched.headers["Content-Type"] == "text/html; charset=utf-8"
    assert fetched.text.count("<main") == fetched.text.count("<title>") == 1
    assert not re.findall(r"ROOT|<!--", fetched.text)
    again = await http.get(page, headers={"If-None-Match": fetched.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    references = set(re.findall(r'(?:src|href)="([^"#]+)', fetched.text))
    assert references
    for reference in references:
        assert not reference.startswith(("/", "http:", "https:"))
        assert (await http.get(urljoin(page, reference))).status_code == 200


async def test_on_a_phone_a_cell_of_operators_has_the_name_of_its_column(stage: Stage) -> None:
    page = (await (await stage.control()).get("/admin")).text
    tables = re.findall(r'<thead.*?</thead>\s*<tbody role="rowgroup" id="(\w+)s"', page)
    assert len(tables) == 6
    for row in tables:
        [head] = re.findall(rf'<thead(.*?)</thead>\s*<tbody role="rowgroup" id="{row}s"', page)
        [cells] = re.findall(rf'<template id="{row}-row">(.*?)</template>', page, re.DOTALL)
        names = re.findall(r"<th [^>]*>([^<]+)</th>", head)
        assert re.findall(r'data-label="([^"]+)"', cells) == names[1:], row


@pytest.mark.parametrize(
    ("file", "media_type"),
    [("js/session.js", "text/javascript"), ("css/base.css", "text/css"), ("icon.svg", "image/svg+xml")],
)
async def test_files_have_their_types_and_are_fetched_once(stage: Stage, file: str, media_type: str) -> None:
    http = await stage.control()
    fetched = await http.get(f"/static/{file}")
    assert fetched.headers["Content-Type"].partition(";")[0] == media_type
    assert fetched.headers["Cache-Control"] == "no-cache"
    assert fetched.headers["Access-Control-Allow-Origin"] == "*"  # modules, from pages of other sites
    again = await http.get(f"/static/{file}", headers={"If-None-Match": fetched.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert fetched.headers["Content-Encoding"] == "gzip"
    assert fetched.headers["Vary"] == "Accept-Encoding"
    plain = await http.get(f"/static/{file}", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.content == fetched.content
    assert plain.headers["ETag"] != fetched.headers["ETag"]


async def test_comments_of_files_are_not_sent_and_all_else_is_in_its_line(stage: Stage) -> None:
    http = await stage.control()
    files = [*WEB.glob("js/*.js"), *WEB.glob("css/*.css")]
    assert len(files) > 50
    for file in files:
        sent = (await http.get(f"/static/{file.relative_to(WEB)}")).text.split("\n")
        kept = file.read_text(encoding="utf-8").split("\n")
        left_out = [line for line, came in zip(kept, sent, strict=True) if line != came]
        assert re.fullmatch(r"(?>\s*(?://.*|/\*[\s\S]*?\*/))*", "\n".join(left_out)), file
        assert not [line for line in sent if re.match(r" *//| *\*/?( |$)", line)], file


async def test_a_page_is_in_the_language_of_the_browser(stage: Stage) -> None:
    http = await stage.control()
    for page in PAGES:
        tags = set()
        for accepted, language in (("de-AT, en;q=0.5", "de"), ("zh-CN", "zh-Hans"), ("fr", "en")):
            answer = await http.get(page, headers={"Accept-Language": accepted})
            expected = "en" if page == "/docs" else language  # the API is English
            assert answer.headers["Content-Language"] == expected
            assert f'<html lang="{expected}">' in answer.text
            assert answer.headers["Vary"] == "Accept-Encoding, Accept-Language, Cookie"
            tags.add(answer.headers["ETag"])
        assert len(tags) == (1 if page == "/docs" else 3)


async def test_a_language_that_was_chosen_is_kept(stage: Stage) -> None:
    http = await stage.control()
    german = {"Accept-Language": "de"}
    chosen = await http.get("/?lang=es", headers=german)
    assert chosen.headers["Content-Language"] == "es"
    cookie = chosen.headers["Set-Cookie"]
    assert cookie == "roomcast-language=es; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax"
    http.cookies.clear()
    kept = await http.get("/admin", headers=german | {"Cookie": "roomcast-language=es"})
    assert kept.headers["Content-Language"] == "es"
    assert "Set-Cookie" not in kept.headers
    unchanged = {"If-None-Match": kept.headers["ETag"]}
    again = await http.get("/admin?lang=es", headers=german | unchanged)
    assert again.status_code == 304
    assert again.headers["Set-Cookie"].startswith("roomcast-language=es;")


async def test_over_https_the_choice_is_kept_for_https(stage: Stage) -> None:
    http = await stage.control(public_url="https://live.test")
    assert (await http.get("/?lang=de")).headers["Set-Cookie"].endswith("; Secure")


async def test_a_frame_in_another_site_chooses_for_itself_alone(stage: Stage) -> None:
    http = await stage.control()
    framed = await http.get("/embed/demo?lang=es", headers={"Accept-Language": "de"})
    assert framed.headers["Content-Language"] == "es"
    assert "Set-Cookie" not in framed.headers


async def test_a_language_that_there_is_not_is_not_chosen(stage: Stage) -> None:
    http = await stage.control()
    for tag in ("xx", "", "DE", "de\r\nX-Evil: 1", "../en", "zh"):
        answer = await http.get("/", params={"lang": tag}, headers={"Accept-Language": "es"})
        assert answer.headers["Content-Language"] == "es", tag
        assert "Set-Cookie" not in answer.headers
        assert "X-Evil" not in answer.headers


@pytest.mark.parametrize("path", ["/nothing", "/no/thing", "/watch/", "/a/b/c/d"])
async def test_people_whose_link_leads_nowhere_get_a_page(stage: Stage, path: str) -> None:
    http = await stage.control()
    accept = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "de"}
    answer = await http.get(path, headers=accept)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "<h1>Diese Seite gibt es nicht</h1>" in answer.text
    assert 'aria-current="page"' not in answer.text
    references = set(re.findall(r'(?:src|href)="([^"#?]+)', answer.text))
    assert urljoin(path, next(iter(one for one in references if one.endswith("/")))) == "/"
    for reference in references:
        assert (await http.get(urljoin(path, reference))).status_code == 200
    assert answer.headers["Vary"] == "Accept, Accept-Encoding, Accept-Language, Cookie"
    for_a_program = await http.get(path)
    assert for_a_program.json() == {"error": "not found"}
    assert for_a_program.headers["Vary"] == "Accept"


async def test_a_page_for_wrong_links_is_made_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    http = await stage.control()
    made = []

    def count(*given: Any) -> str:
        made.append(given)
        return page_text(*given)

    monkeypatch.setattr(pages, "page_text", count)
    for path in ("/nothing", "/no", "/no/thing", "/no/thing/"):
        for language in ("de", "de-AT", "en"):
            await http.get(path, headers={"Accept": "text/html", "Accept-Language": language})
    assert len(made) == 3 * 2  # depths and languages


async def test_whoever_asks_the_api_or_for_nonsense_or_sends_gets_none(stage: Stage) -> None:
    http = await stage.control()
    for method, path in (
        *(("GET", path) for path in ("/api/nothing", "/static/nothing.js", "/deep" * 9, "/" * 4000)),
        ("POST", "/nothing"),
    ):
        url = f"{http.base_url}".rstrip("/") + path
        answer = await http.request(method, url, headers={"Accept": "text/html"})
        assert answer.status_code == 404, path
        assert answer.json() == {"error": "not found"}


async def test_a_page_is_packed_for_who_takes_it(stage: Stage) -> None:
    http = await stage.control()
    plain = await http.get("/docs", headers={"Accept-Encoding": "identity"})
    for accepted in ("gzip", "br, GZIP;q=0.5", "gzip; q=1.0"):
        packed = await http.get("/docs", headers={"Accept-Encoding": accepted})
        assert packed.headers["Content-Encoding"] == "gzip", accepted
        assert packed.text == plain.text
        assert packed.headers["ETag"] != plain.headers["ETag"]
        assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 4
    for accepted in ("gzip;q=0", "gzip; q=0.000", "br, identity", "x-gzip", ""):
        answer = await http.get("/docs", headers={"Accept-Encoding": accepted})
        assert "Content-Encoding" not in answer.headers, accepted
        assert answer.text == plain.text
        assert answer.headers["ETag"] == plain.headers["ETag"]
