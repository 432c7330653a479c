"""The operators' page: what it shows, its actions, and their effect on the other pages."""

import base64
import json
import math
import re

import pytest
from playwright.async_api import Browser, Route

from media.line.line_log import LineLog, empty
from media.line.loss_run import Loss
from media.rooms.warnings import LOSE_SOUND
from tests.e2e.pages.conftest import ADMIN_TOKEN
from tests.support.aiortc_client import publisher, viewer
from tests.support.barriers import assert_no_barrier
from tests.support.browser import open_admin_page, open_publish_page, open_watch_page
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.system import System
from tests.support.waiting import eventually

ONE_ROOM = {
    "rooms": [
        {
            "name": "offered",
            "hasPublisher": True,
            "subscribers": 0,
            "codecs": [],
            "bitrate": 0,
            "loss": 0,
            "uptime": 5,
            "workers": ["worker0"],
            "warnings": [],
            "layers": [],
        }
    ],
    "gone": [],
    "first": True,
    "complete": True,
}
LOSSY_VIEWER = {
    "id": "worker0.aBcD…",
    "worker": "worker0",
    "room": "troubled",
    "role": "play",
    "state": "connected",
    "uptime": 60,
    "address": "192.0.2.7:1234",
    "transport": "udp",
    "codecs": ["opus", "H264"],
    "packets": 30_000,
    "bytes": 25_000_000,
    "resent": 40,
    "loss": 0.051,
    "rtt": 0.08,
    "layer": "720p",
    "reason": "full",
    "carries": None,
    "soundLost": 151,
    "soundResent": 2,
    "soundRedundant": 1500,
}
FIGURES = ("viewers", "publishers", "rooms", "egress", "offers", "errors")

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_wrong_token_is_told_and_not_kept(system: System, browser: Browser) -> None:
    async with await open_admin_page(browser, system.controls[0].url, expected_statuses=[401]) as admin:
        assert await admin.page.is_hidden("#office")
        await admin.sign_in("wrong")
        await admin.shows("The server does not accept this token.")
        assert await admin.page.is_hidden("#office")
        assert "wrong" not in str(await admin.page.evaluate("Object.values(sessionStorage)"))
        await admin.sign_in(ADMIN_TOKEN)
        await admin.shows("worker0")
        assert await admin.page.is_hidden("#trouble")
        assert ADMIN_TOKEN not in admin.page.url
        await admin.page.get_by_role("button", name="Sign out").click()
        assert await admin.page.is_hidden("#office")
        assert "secret" not in str(await admin.page.evaluate("Object.values(sessionStorage)"))


async def test_rooms_workers_and_sessions_are_shown_as_they_are(system: System, browser: Browser) -> None:
    async with (
        await open_admin_page(browser, system.controls[0].url) as admin,
        publisher(system.http, system.whip("seen")),
        viewer(system.http, system.whep("seen")) as receiver,
        publisher(system.http, system.whip("other")),
    ):
        await receiver.received(within=15)
        await admin.sign_in(ADMIN_TOKEN)

        async def rows(table: str, room: str) -> list[list[str]]:
            script = """(all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim()))"""
            found: list[list[str]] = await admin.page.eval_on_selector_all(f"#{table} tr", script)
            return [row for row in found if row[0] == room]

        async def complete() -> bool:
            room, sessions = await rows("rooms", "seen"), await rows("sessions", "seen")
            return (
                [row[1:3] for row in room] == [["1", "Opus, VP8"]]
                and [row[1] for row in sessions] == ["Publisher", "Viewer"]
                and all("bit/s" in row[5] for row in sessions)
                and "ms" in sessions[1][7]
            )

        await eventually("all that there is to see", complete, within=15)
        assert (await rows("workers", "worker0"))[0][1] == "Ready"
        assert len(await rows("sessions", "other")) == 1
        await assert_no_barrier(admin.page)
        await admin.page.fill("#of-room", "seen")
        await admin.page.press("#of-room", "Enter")

        async def only_seen() -> bool:
            return not await rows("sessions", "other") and len(await rows("sessions", "seen")) == 2

        await eventually("sessions of one room", only_seen, within=5)


async def test_a_room_that_is_closed_is_closed_for_all(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "over") as publishing,
        await open_watch_page(browser, url, "over") as watching,
        await open_admin_page(browser, url) as admin,
    ):
        await publishing.publish()
        await publishing.tells("Live in over.")
        await watching.tells("Watching over.")
        await admin.sign_in(ADMIN_TOKEN)
        close = admin.page.get_by_role("button", name="Close over")
        await close.click()
        await assert_no_barrier(admin.page)
        await admin.page.get_by_role("button", name="Cancel").click()
        assert "over" in await system.rooms()  # asked, and thought better of it
        await close.click()
        await admin.page.get_by_role("button", name="Close the room").click()
        await publishing.tells("An operator closed the room.", within=5)
        await watching.tells("over was closed.", within=8)
        await system.room_gone("over", within=3)
        await close.wait_for(state="detached", timeout=5000)


def event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


async def test_what_is_wrong_is_shown(system: System, browser: Browser) -> None:
    room = {
        "name": "troubled",
        "hasPublisher": True,
        "tracks": 2,
        "subscribers": 0,
        "codecs": ["opus", "H264"],
        "bitrate": 0,
        "loss": 0.051,
        "uptime": 5,
        "workers": ["worker0"],
        "copies": [],
        "warnings": ["the disk is full: recording has ended", LOSE_SOUND],
        "layers": [
            {"rid": "f", "width": 1280, "height": 720, "bitrate": 2_500_000, "viewers": 1},
            {"rid": "h", "width": 0, "height": 0, "bitrate": 0, "viewers": 0},
        ],
        "viewersByReason": {"full": 1, "line": 0, "choice": 0},
    }
    samples = [{"at": at, **dict.fromkeys(FIGURES, value)} for at, value in ((1, 0), (2, None), (3, 7))]

    async def told(route: Route) -> None:
        rooms = {"rooms": [room], "gone": [], "first": True, "complete": True}
        body = event("workers", {"workers": []}) + event("rooms", rooms)
        body += event("sessions", {"total": 1, "sessions": [LOSSY_VIEWER]})
        body += event("totals", {"every": 5, "samples": samples})
        await route.fulfill(body=body, content_type="text/event-stream")

    async with await open_admin_page(browser, system.controls[0].url) as admin:
        await admin.page.route("**/api/admin/events*", told)
        await admin.sign_in(ADMIN_TOKEN)
        await admin.shows("the disk is full: recording has ended")
        await admin.shows("720p, 2.5 Mbit/s, 1 viewer")
        await admin.shows("h, not sent, 0 viewers")
        await admin.shows("One viewer of ten or more loses sound")
        await admin.shows("sound: 151")
        await admin.shows("sound: 2, copies: 1,500")
        await admin.shows("5.1%")
        await admin.shows("No media worker is alive")
        chart = admin.page.locator('[data-chart="viewers"]')
        assert await chart.get_attribute("aria-label") == "Viewers, the last 15 minutes: 0 to 7"
        line = await chart.locator(".line").get_attribute("d") or ""
        assert line.count("M") == 2  # where Redis was away there is a gap
        await assert_no_barrier(admin.page)


async def test_what_a_viewers_line_was_is_drawn(system: System, browser: Browser) -> None:
    log = LineLog(0.0, can_probe=True, can_train=False)
    for number in range(1, 100):
        now = number / 10
        log.sent(10_000 * number, 800 * number, now)
        log.round_trip(0.35 if number == 60 else 0.03, now, is_stream=False)
        if number == 50:
            log.lost(Loss(0.4, 0.3, 4.5, 5.0), now)
        layers = [math.inf, 900_000.0, 400_000.0, math.inf, 60_000.0]  # the viewer does not want the best
        log.step(layers, 1 if number < 60 else 4, now, is_broken=False)  # then video pauses
    logs = [log.as_json(9.9), empty(9.9)]

    async def told(route: Route) -> None:
        body = event("sessions", {"total": 1, "sessions": [LOSSY_VIEWER]})
        await route.fulfill(body=body, content_type="text/event-stream")

    async def tell(route: Route) -> None:
        await route.fulfill(body=logs.pop(0), content_type="application/json")

    async with await open_admin_page(browser, system.controls[0].url) as admin:
        page, lines = admin.page, "M-?[0-9.]+ [0-9.]+(L-?[0-9.]+ [0-9.]+)+"
        await page.route("**/api/admin/events*", told)
        await page.route("**/line?room=troubled", tell)
        await admin.sign_in(ADMIN_TOKEN)
        await page.get_by_role("button", name="Bandwidth of worker0.aBcD…").click()
        rates, queue, lost = [
            page.locator(f'[data-chart="{name}"] svg') for name in ("rates", "queue", "lost")
        ]
        assert await rates.get_attribute("aria-label") == (
            "Sent Needed by the wanted layer Available bandwidth, the last 10 seconds: at most 800 kbit/s"
        )
        assert await queue.get_attribute("aria-label") == "Queuing delay, the last 10 seconds: at most 320 ms"
        assert await lost.get_attribute("aria-label") == "Lost, the last 10 seconds: at most 40%"
        drawn = [await path.get_attribute("d") or "" for path in await rates.locator(".line").all()]
        assert len(drawn) == 3
        assert all(re.fullmatch(lines, each) for each in drawn), drawn
        heights = re.findall(r" ([0-9.]+)", drawn[1])
        assert len(heights) > 60
        assert len(set(heights)) == 1, "what the wanted layer needs does not change while video is paused"
        assert await page.get_by_text("was never congested").is_hidden()
        await assert_no_barrier(page)
        await page.keyboard.press("Enter")
        await page.locator("dialog").wait_for(state="detached")
        await page.get_by_role("button", name="Bandwidth of ").click()
        await admin.shows("was never congested")


async def test_all_comes_by_events_and_nothing_is_polled(system: System, browser: Browser) -> None:
    async with await open_admin_page(browser, system.controls[0].url) as admin:
        asked: list[str] = []
        admin.page.on("request", lambda request: asked.append(request.url.partition("/api/")[2]))
        await admin.sign_in(ADMIN_TOKEN)
        await admin.shows("worker0")
        async with publisher(system.http, system.whip("news")):
            await admin.page.locator("#rooms").get_by_text("news").wait_for(timeout=5000)
            await admin.page.locator("#sessions").get_by_text("Publisher").wait_for(timeout=5000)
            sent = admin.page.locator('[data-most="publishers"]')
            await sent.get_by_text("at most").wait_for(timeout=10_000)
        assert asked == ["admin/events?", "admin/rooms?limit=101"]  # settings change by operators alone


async def test_that_the_server_is_away_is_taken_back_by_the_next_stream(
    system: System, browser: Browser
) -> None:
    async with await open_admin_page(browser, system.controls[0].url, expected_statuses=[503]) as admin:
        await admin.sign_in(ADMIN_TOKEN)
        await admin.shows("worker0")
        away = admin.page.get_by_text("Trying again…")
        await admin.page.route("**/api/admin/events*", lambda route: route.fulfill(status=503))
        await admin.page.select_option("#of-role", index=1)  # which asks anew
        await away.wait_for()
        await admin.page.unroute("**/api/admin/events*")
        await admin.page.select_option("#of-role", index=0)
        await away.wait_for(state="hidden")


async def test_an_operator_blocks_and_lifts_ends_and_revokes(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_admin_page(browser, url) as admin,
        publisher(system.http, system.whip("barred")) as sender,
        publisher(system.http, system.whip("shortly")) as other,
    ):
        page = admin.page
        await admin.sign_in(ADMIN_TOKEN)
        sessions = page.locator("#sessions tr").filter(has_text="shortly")
        await sessions.get_by_role("button", name="End ").click()
        await assert_no_barrier(page)
        await page.get_by_role("button", name="End the session").click()
        await other.ended(5)
        await page.get_by_role("button", name="Close barred").click()
        await page.select_option("#block", "3600")
        await page.fill("#reason", "a copyright claim")
        await assert_no_barrier(page)
        await page.get_by_role("button", name="Close the room").click()
        await sender.ended(5)
        blocked = page.locator("#blocks tr").filter(has_text="a copyright claim")
        await blocked.wait_for(timeout=5000)
        answer = await post_offer(system.http, system.whip("barred"), PUBLISH_OFFER)
        assert (answer.status_code, answer.json()["detail"]) == (403, "a copyright claim")
        await page.get_by_role("button", name="Lift barred").click()
        await blocked.wait_for(state="detached", timeout=5000)
        assert (await post_offer(system.http, system.whip("barred"), PUBLISH_OFFER)).status_code == 201
        await page.select_option("#revoke-kind", "subject")
        await page.fill("#revoke-value", "mallory")
        await page.locator("#revoke button").click()
        await page.locator("dialog").get_by_role("button", name="Revoke").click()
        await admin.shows("All tokens of mallory", within=5)
        await assert_no_barrier(page)
        await page.get_by_role("button", name="Lift All tokens of mallory").click()
        await admin.shows("No token is revoked.", within=5)


async def test_what_is_set_for_a_room_is_shown_changed_and_removed(system: System, browser: Browser) -> None:
    token = "a-token-of-its-own"
    async with await open_admin_page(browser, system.controls[0].url, expected_statuses=[404]) as admin:
        page = admin.page
        await admin.sign_in(ADMIN_TOKEN)
        await admin.shows("Nothing is set for a single room.")
        await page.fill("#room-to-set", "theatre")
        await page.get_by_role("button", name="Set", exact=True).click()
        await page.fill("#set-title", "The play")
        await page.fill("#set-publish", token)
        await page.select_option("#set-listed", "false")
        await page.select_option("#set-formats", '["mux"]')
        await page.fill("#set-keep", "1.5")
        await page.fill("#set-slate", "back-soon.png")
        await page.fill("#set-labels", "tenant=7\n\n note = a=b")
        await assert_no_barrier(page)
        await page.press("#set-title", "Enter")  # it saves
        row = page.locator("#settings tr").filter(has_text="The play")
        await row.get_by_text("1 to publish, 0 to watch").wait_for(timeout=5000)
        refused = await post_offer(system.http, system.whip("theatre"), PUBLISH_OFFER)
        assert refused.status_code == 401
        await page.reload()  # the tab keeps the token
        await row.get_by_role("button", name="Change ").click()
        assert await page.input_value("#set-title") == "The play"
        assert await page.input_value("#set-listed") == "false"
        assert await page.input_value("#set-publish") == ""
        assert token not in await page.content()
        await page.check("[name=publishTokens-none]")
        await page.fill("#set-seats", "7")
        await page.fill("#set-slate", "")
        await page.get_by_role("button", name="Save").click()
        await row.get_by_text("0 to publish, 0 to watch").wait_for(timeout=5000)
        url, headers = f"{system.controls[0].url}/api/admin/rooms/theatre", {"X-Auth-Token": ADMIN_TOKEN}
        facts = (await system.http.get(url, headers=headers)).json()
        assert (facts["formats"], facts["keepDays"], facts["slate"]) == (["mux"], 1.5, None)
        assert facts["labels"] == {"tenant": "7", "note": " a=b"}  # saved twice, and the same
        cells = await row.locator("td").all_text_contents()
        assert cells[:6] == ["The play", "7", "0 to publish, 0 to watch", "no", "–", "–"]
        await row.get_by_role("button", name="Remove ").click()
        await page.locator("dialog").get_by_role("button", name="Remove").click()
        await row.wait_for(state="detached", timeout=5000)


async def test_settings_that_could_not_be_read_are_not_overwritten(system: System, browser: Browser) -> None:
    async with await open_admin_page(browser, system.controls[0].url, expected_statuses=[503]) as admin:
        await admin.sign_in(ADMIN_TOKEN)
        away = '{"error": "redis is away"}'
        await admin.page.route(
            "**/api/admin/rooms/gallery",
            lambda route: route.fulfill(status=503, content_type="application/json", body=away),
        )
        await admin.page.fill("#room-to-set", "gallery")
        await admin.page.get_by_role("button", name="Set", exact=True).click()
        await admin.shows("The server is busy restarting.")
        assert await admin.page.locator("dialog[open]").count() == 0


async def test_an_operator_switches_to_who_stands_by(system: System, browser: Browser) -> None:
    async with (
        await open_admin_page(browser, system.controls[0].url) as admin,
        publisher(system.http, system.whip("relieved")),
        publisher(system.http, f"{system.whip('relieved')}?standby=true"),
    ):
        await admin.sign_in(ADMIN_TOKEN)
        await admin.page.get_by_role("button", name="Switch relieved").click()
        await admin.page.get_by_text("Viewers of relieved get the next one").wait_for(state="attached")
        await admin.shows("Viewers get a standby.")


@pytest.mark.parametrize(
    ("role", "sees"), [("watch", set()), ("moderate", {"Close"}), ("admin", {"Close", "Set", "Revoke"})]
)
async def test_an_operator_is_offered_what_the_role_may_do(
    system: System, browser: Browser, role: str, sees: set[str]
) -> None:
    async def told(route: Route) -> None:
        await route.fulfill(body=event("rooms", ONE_ROOM), content_type="text/event-stream")

    claims = base64.urlsafe_b64encode(json.dumps({"role": role}).encode()).decode().rstrip("=")
    async with await open_admin_page(browser, system.controls[0].url, expected_statuses=[401]) as admin:
        await admin.page.route("**/api/admin/events*", told)
        await admin.sign_in(f"e30.{claims}.signature")
        await admin.shows("offered")
        offered = await admin.page.locator("#office button:visible").all_text_contents()
        assert {name for name in ("Close", "Set", "Revoke") if name in offered} == sees


WORKER = {
    "state": "ready",
    "load": 0.1,
    "egressPackets": 0,
    "egressBits": 0,
    "egressShare": 0,
    "sessions": 3,
    "viewers": 2,
    "takesPublishers": True,
    "takesViewers": True,
    "drainSeconds": 120,
    "roomCount": 1,
}
LONG = "the-quarterly-all-hands-meeting-of-the-whole-company-in-2026"


@pytest.mark.parametrize(
    ("others", "alone"),
    [
        ([], True),
        ([{"state": "draining", "takesViewers": False, "takesPublishers": False}], True),
        ([{}], False),
    ],
)
async def test_a_drain_names_its_deadline_and_warns_where_no_other_worker_can_take_the_sessions(
    system: System, browser: Browser, others: list[dict[str, object]], alone: bool
) -> None:
    workers = [WORKER | more | {"id": f"worker{n}"} for n, more in enumerate([{}, *others])]

    async def told(route: Route) -> None:
        await route.fulfill(body=event("workers", {"workers": workers}), content_type="text/event-stream")

    async with await open_admin_page(browser, system.controls[0].url) as admin:
        await admin.page.route("**/api/admin/events*", told)
        await admin.sign_in(ADMIN_TOKEN)
        await admin.page.get_by_role("button", name="Drain worker0").click()
        text = await admin.page.locator("#confirm-text > p").first.inner_text()
        assert re.search(r"The deadline is at \d.*, 2 minutes after the start\.$", text)
        warning = admin.page.locator("dialog").get_by_text("No other worker can take the sessions")
        assert await warning.is_visible() == alone
        await assert_no_barrier(admin.page)


async def test_settings_of_a_room_open_from_its_row_with_what_the_environment_sets(
    system: System, browser: Browser
) -> None:
    async with (
        await open_admin_page(browser, system.controls[0].url, expected_statuses=[404]) as admin,
        publisher(system.http, system.whip("stageless")),
    ):
        page = admin.page
        await admin.sign_in(ADMIN_TOKEN)
        await page.set_viewport_size({"width": 1280, "height": 600})  # less than the form is high
        await page.locator("#rooms").get_by_role("button", name="Change the settings of stageless").click()
        hints = await page.locator("dialog [data-from]").all_inner_texts()
        assert hints == [
            "If not set: no limit (from MAX_SUBS_PER_ROOM)",
            "If not set: no (from RECORD_ENABLED)",
            "If not set: both kinds (from RECORD_FORMATS)",
            "If not set: for ever (from RECORD_KEEP_DAYS)",
            "If not set: yes (from SNAPSHOTS)",
        ]
        save = page.get_by_role("button", name="Save")
        for scrolled in (0, 10_000):
            await page.locator("dialog").evaluate("(dialog, top) => { dialog.scrollTop = top; }", scrolled)
            on_top = """(button) => {
                const { x, y, width, height } = button.getBoundingClientRect();
                return document.elementFromPoint(x + width / 2, y + height / 2) === button;
            }"""
            assert await save.evaluate(on_top), f"Save is hidden when scrolled to {scrolled}"
        await page.fill("#set-seats", "12")
        await save.click()
        await (
            page.locator("#settings tr").filter(has_text="stageless").get_by_text("12").wait_for(timeout=5000)
        )


async def test_no_button_leaves_its_card_and_a_recording_is_marked(system: System, browser: Browser) -> None:
    room = ONE_ROOM["rooms"][0] | {  # type: ignore[index]
        "name": LONG,
        "recording": True,
        "standbys": 1,
        "workers": ["media-worker-1-in-frankfurt-7100", "media-worker-2-in-frankfurt-7100"],
    }
    workers = [WORKER | {"id": "media-worker-1-in-the-second-rack-in-frankfurt-7100"}]

    async def told(route: Route) -> None:
        body = event("rooms", ONE_ROOM | {"rooms": [room, *ONE_ROOM["rooms"]]})  # type: ignore[misc]
        body += event("workers", {"workers": workers})
        body += event("sessions", {"total": 1, "sessions": [LOSSY_VIEWER | {"room": LONG}]})
        await route.fulfill(body=body, content_type="text/event-stream")

    async with await open_admin_page(browser, system.controls[0].url) as admin:
        page = admin.page
        await page.set_viewport_size({"width": 1280, "height": 900})
        await page.route("**/api/admin/events*", told)
        await admin.sign_in(ADMIN_TOKEN)
        name = page.locator("#rooms").get_by_role("link", name=LONG)
        await name.wait_for()
        assert await name.get_attribute("title") == LONG
        assert await name.evaluate("(one) => one.scrollWidth > one.clientWidth"), "it is cut"
        outside = await page.eval_on_selector_all(
            "#office .card button",
            """(all) => {
                const right = (element) => element.getBoundingClientRect().right;
                const isOutside = (one) => one.offsetParent && right(one) > right(one.closest('.card'));
                return all.filter(isOutside).map((button) => button.textContent);
            }""",
        )
        assert outside == []
        for row, is_marked in ((LONG, True), ("offered", False)):
            mark = page.locator("#rooms tr").filter(has_text=row).get_by_text("Recording")
            assert await mark.is_visible() == is_marked
        await assert_no_barrier(page)
