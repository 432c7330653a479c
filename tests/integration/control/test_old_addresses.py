"""Links to the pages of the server whose API we keep lead to our pages, and never to another site."""

from urllib.parse import quote, urljoin

import httpx
import pytest

from tests.integration.control.conftest import Stage

PREFIX = "http://live.test/below/a/proxy"  # a path prefix that control does not know


async def leads_to(http: httpx.AsyncClient, path: str) -> str:
    """Where a browser goes next, below the prefix, and what it finds there is a page."""
    response = await http.get(path)
    assert response.status_code == 301
    target = urljoin(PREFIX + path, response.headers["Location"])
    assert target.startswith(f"{PREFIX}/")
    page = await http.get(target.removeprefix(PREFIX))
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    return target.removeprefix(PREFIX)


async def test_an_old_address_leads_to_our_page(stage: Stage) -> None:
    http = await stage.control()
    for old, new in (
        ("/web/index.html", "/"),
        ("/web/index.html?room=demo", "/"),
        ("/web/publisher.html?room=my-Room_1", "/publish/my-Room_1"),
        ("/web/player.html?room=my-Room_1", "/watch/my-Room_1"),
        ("/web/player.html?token=secret&room=demo", "/watch/demo"),
        ("/web/publisher.html", "/"),
        ("/web/player.html?room=", "/"),
    ):
        assert await leads_to(http, old) == new, old


@pytest.mark.parametrize("page", ["publisher", "player"])
async def test_a_hostile_room_leads_to_a_page_that_says_so(stage: Stage, page: str) -> None:
    http = await stage.control()
    for room in (
        *("//evil.test", "/\\evil.test", "https://evil.test/", "javascript:alert(1)", "..", "../../admin"),
        *("demo\r\nSet-Cookie: a=b", "demo\n", "demo?x", "demo#x", "é", "\x00", "a" * 65, " ", "!"),
    ):
        target = await leads_to(http, f"/web/{page}.html?room={quote(room, safe='')}")
        assert target in ("/publish/!", "/watch/!"), room
    # bytes that are no UTF-8, and a second room: the last one counts
    assert (await leads_to(http, f"/web/{page}.html?room=%ff%fe")).endswith("/!")
    assert (await leads_to(http, f"/web/{page}.html?room=demo&room=//evil.test")).endswith("/!")
