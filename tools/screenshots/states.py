"""Each page in each state that somebody can meet, and how it gets there.

Nothing depends on the language of the page: a state is known by its elements.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from playwright.async_api import Page, Route

from tools.screenshots.steps import (
    Prepare,
    after,
    chosen,
    clicked,
    closed_by_an_operator,
    cut_off,
    filled,
    full_house,
    full_house_lost,
    held_up,
    playing,
    pressed,
    publisher_left,
    publisher_paused,
    ran,
    said,
    shown,
    waited,
    warned,
)
from tools.screenshots.world import ADMIN_TOKEN, LIVE_ROOMS, PRIVATE_ROOM, RECORDED_ROOM

Refusals = dict[str, tuple[int, dict[str, str]]]  # by route: the status and body of the server's answer


@dataclass(frozen=True)
class State:
    path: str
    prepare: Prepare
    is_operator: bool = False
    in_view: bool = False  # the picture is what the window shows; otherwise the whole page
    refusals: Refusals = field(default_factory=dict)

    async def reach(self, page: Page, url: str) -> None:
        for route, (status, body) in self.refusals.items():
            await page.route(route, _answering(status, body))
        await page.goto(url + self.path)
        await self.prepare(page)


def _answering(status: int, body: dict[str, str]) -> Callable[[Route], Awaitable[None]]:
    async def answer(route: Route) -> None:
        await route.fulfill(status=status, json=body)

    return answer


_FAILED = shown("#status[data-state=error]")
_LIVE = after(clicked("#start"), shown("#status[data-state=live]"))
_SIGNED_IN = after(
    filled("#token", ADMIN_TOKEN), pressed("Enter"), shown("#office"), shown("#sessions tr:nth-child(4)"),
    shown("#blocks tr"), waited(6000),  # for a second look, which has rates
)  # fmt: skip
_REFUSE_CAMERA = """() => {
    navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };
}"""
_WHEP, _WHIP = "**/api/whep/play/studio", "**/api/whip/publish/balcony"
_BLOCKED = {"error": "room blocked", "detail": "It shows a film that is not ours to show."}

# Before anybody is there
EMPTY: dict[str, State] = {
    "home-none": State("/", shown("#empty")),
    "recordings-none": State("/recordings", shown("#empty"), is_operator=True),
    "admin-none": State("/admin", after(shown("#office"), waited(2000)), is_operator=True),
    "home-many": State("/", full_house, in_view=True),
    "home-not-found": State("/", after(full_house, filled("#search", "nothing"), waited(500))),
    "home-lost": State("/", full_house_lost, in_view=True),
    "publish": State("/publish/balcony", shown("#obs-server:not(:empty)")),
    "publish-file": State("/publish/balcony", clicked("label:has([value=file])")),
    "publish-programs": State("/publish/balcony", after(clicked("summary:has-text('FFmpeg')"), waited(300))),
    "publish-not-allowed": State(
        "/publish/balcony", after(ran(_REFUSE_CAMERA), clicked("#start"), _FAILED)
    ),
    "publish-wrong": State("/publish/not.a.room", _FAILED),
    "watch-waiting": State("/watch/not-yet", after(shown(".stage[data-state=waiting]"), waited(3000))),
    "watch-help": State("/watch/not-yet", after(clicked("#help-open"), waited(300)), in_view=True),
    "watch-wrong": State("/watch/not.a.room", shown("#wrong")),
    "embed-waiting": State("/embed/not-yet", shown(".stage[data-state=waiting]"), in_view=True),
    "recordings-closed": State("/recordings", shown("#closed")),
    "admin-token": State("/admin", shown("#gate")),
    "admin-wrong-token": State("/admin", after(filled("#token", "?"), pressed("Enter"), shown("#trouble"))),
    "docs": State("/docs", shown("#publish"), in_view=True),
    "missing": State("/nothing/here", shown("h1")),
}  # fmt: skip
FURNISHED: dict[str, State] = {
    "home": State("/", shown(f".room:nth-child({len(LIVE_ROOMS)}) img:not([hidden])")),
    "publish-preview": State("/publish/balcony", after(clicked("#preview"), shown("#mute"))),
    "publish-checking": State("/publish/balcony", after(clicked("#try"), shown("#check-progress"))),
    "publish-check": State(
        "/publish/balcony", after(clicked("#try"), shown("#check-upload:not([data-state=waiting])"))
    ),
    "publish-live": State("/publish/balcony", after(_LIVE, waited(12_000))),  # so that the charts have a line
    "publish-lost": State(
        "/publish/balcony", after(_LIVE, waited(3000), said("status", "waiting", "publish.reconnecting"))
    ),
    "publish-warned": State("/publish/balcony", after(_LIVE, waited(3000), warned)),
    "publish-ended": State("/publish/balcony", after(_LIVE, closed_by_an_operator, _FAILED)),
    "publish-taken": State(
        "/publish/balcony", after(clicked("#start"), shown("#status[data-state=waiting]"), waited(1500)),
        refusals={_WHIP: (409, {"error": "publisher already exists in this room"})},
    ),
    "publish-blocked": State(
        "/publish/cinema", after(clicked("#start"), _FAILED)
    ),
    "publish-token": State(
        f"/publish/{PRIVATE_ROOM}", after(clicked("#start"), shown("dialog[open]")), in_view=True
    ),
    "watch": State("/watch/studio", playing),
    "watch-connecting": State("/watch/studio", held_up),
    "watch-figures": State("/watch/studio", after(playing, pressed("i"), shown("#figures dt"))),
    "watch-quality": State("/watch/studio", after(playing, shown("#quality"), pressed("q")), in_view=True),
    "watch-slow": State(
        "/watch/studio", after(playing, said("health", "", "player.slow", size="180p", best="720p"))
    ),
    "watch-paused": State("/watch/studio", after(playing, pressed(" "), waited(500))),
    "watch-silent": State("/watch/attic", publisher_paused),
    "watch-ended": State("/watch/cellar", publisher_left),
    "watch-full": State(
        "/watch/studio", shown(".stage[data-state=waiting]"),
        refusals={_WHEP: (403, {"error": "subscriber limit reached"})},
    ),
    "watch-blocked": State(
        "/watch/studio", shown(".stage[data-state=waiting]"), refusals={_WHEP: (403, _BLOCKED)}
    ),
    "watch-token": State(
        "/watch/studio", shown("dialog[open]"), refusals={_WHEP: (401, {"error": "unauthorized"})}
    ),
    "watch-unplayable": State(
        "/watch/studio", shown(".stage[data-state=failed]"),
        refusals={_WHEP: (406, {"error": "codec not acceptable", "detail": "the room sends H265"})},
    ),
    "embed": State("/embed/studio", playing, in_view=True),
    "recordings": State("/recordings", shown(".record"), is_operator=True),
    "recordings-playing": State(
        "/recordings",
        after(
            clicked(f".record:has-text('{RECORDED_ROOM}') [data-action=play]"),
            ran("new Promise((done) => { document.querySelector('#player-video').ontimeupdate = done; })"),
            waited(2000),
        ),
        is_operator=True, in_view=True,
    ),
    "recordings-delete": State(
        "/recordings", after(clicked("[data-action=delete]"), waited(300)), is_operator=True, in_view=True
    ),
    "admin": State("/admin", _SIGNED_IN),
    "admin-question": State(
        "/admin", after(_SIGNED_IN, clicked("#rooms tr:last-child button"), chosen("#block", "3600")),
        in_view=True,
    ),
    "admin-not-found": State(
        "/admin", after(_SIGNED_IN, chosen("#revoke-kind", "issued_before"), filled("#find", "nothing"))
    ),
    "admin-lost": State("/admin", after(_SIGNED_IN, cut_off)),
}  # fmt: skip
