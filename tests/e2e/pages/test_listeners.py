"""A page may stop a player or a publisher, or begin anew, whenever it is told something of it."""

from typing import Any

import pytest
from playwright.async_api import Browser

from tests.support.browser import OpenPage
from tests.support.system import System

# Nothing is sent: each session first asks for its ICE servers, and hears of `statuses`, then nothing.
_BEGIN = """async ({ kind, statuses, name, act }) => {
    const { WhepPlayer } = await import('/static/js/whep-player.js');
    const { WhipPublisher } = await import('/static/js/whip-publisher.js');
    const { Refused } = await import('/static/js/requests.js');
    let asked = 0;
    const iceServers = () => {
        const status = statuses[asked];
        asked += 1;
        return status ? Promise.reject(new Refused(status, 'no')) : new Promise(() => {});
    };
    const video = document.createElement('video');
    const own = kind === 'player' ? new WhepPlayer(video, '/other', { iceServers })
        : new WhipPublisher('/other', { iceServers });
    let outcome = null;
    const begin = () => {
        const begun = kind === 'player' ? own.play() : own.publish(new MediaStream());
        begun?.then(() => { outcome = 'done'; }, ({ name: error }) => { outcome = error; });
    };
    const states = [];
    own.addEventListener('state', ({ detail }) => states.push(detail.state));
    const [type, state] = name.split(' ');
    let acted = false;
    own.addEventListener(type, ({ detail }) => {
        if (acted || (state && detail.state !== state)) return;
        acted = true;
        if (act === 'stop') own.stop();
        else begin();
    });
    begin();
    const settled = () => new Promise((resolve) => { setTimeout(resolve); }); // no promise waits any more
    await settled();
    if (name === 'state stopped') {
        begin();
        await settled();
    }
    const result = { states: [...states], asked, outcome };
    own.stop();
    return result;
}"""

# A session whose server is told what the viewer chose, and answers by `status` once the player was stopped,
# or so that a listener stops it.
_STOPPED_AT_THE_CHOICE = """async ({ status, byListener }) => {
    const { ReceivingSession } = await import('/static/js/whep-session.js');
    const { WhepPlayer } = await import('/static/js/whep-player.js');
    const { Refused } = await import('/static/js/requests.js');
    let answer;
    const asked = new Promise((resolve) => {
        Object.defineProperties(ReceivingSession.prototype, {
            open: { async value() { this.isOpen = true; } },
            close: { value() { this.isOpen = false; } },
            choosable: { get() { return this.isOpen; } },
            choose: { value: () => new Promise((taken, refused) => {
                answer = () => (status ? refused(new Refused(status, 'no')) : taken());
                resolve();
            }) },
        });
    });
    const video = document.createElement('video');
    const player = new WhepPlayer(video, '/other');
    await player.soundOnly();
    const states = [];
    player.addEventListener('state', ({ detail }) => states.push(detail.state));
    player.play();
    await asked;
    if (byListener) player.addEventListener('layers', () => player.stop());
    else player.stop();
    answer();
    await new Promise((resolve) => { setTimeout(resolve); }); // no promise waits any more
    return { states, plays: video.srcObject !== null, isSoundOnly: !player.choice.picture };
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def told(system: System, browser: Browser, **how: Any) -> dict[str, Any]:
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/healthz")
        result: dict[str, Any] = await opened.page.evaluate(_BEGIN, {"statuses": [], **how})
        return result


async def test_a_player_that_is_stopped_when_it_tells_an_error_stays_so(
    system: System, browser: Browser
) -> None:
    result = await told(system, browser, kind="player", statuses=[503], name="error", act="stop")
    assert result["states"] == ["connecting", "stopped"]


async def test_a_publisher_that_is_stopped_when_it_tells_an_error_stays_so_and_rejects_with_it(
    system: System, browser: Browser
) -> None:
    result = await told(system, browser, kind="publisher", statuses=[401], name="error", act="stop")
    assert result == {"states": ["connecting", "stopped"], "asked": 1, "outcome": "Refused"}


@pytest.mark.parametrize("kind", ["player", "publisher"])
async def test_it_begins_anew_where_it_tells_the_last_error(
    system: System, browser: Browser, kind: str
) -> None:
    """As with the right token, after a 401."""
    result = await told(system, browser, kind=kind, statuses=[401], name="error", act="begin")
    assert result["states"] == ["connecting", "stopped", "connecting"]
    assert result["asked"] == 2


@pytest.mark.parametrize("kind", ["player", "publisher"])
async def test_who_begins_anew_whenever_it_was_stopped_has_one_session(
    system: System, browser: Browser, kind: str
) -> None:
    result = await told(system, browser, kind=kind, name="state stopped", act="begin")
    assert result["states"] == ["connecting", "stopped", "connecting"]
    assert result["asked"] == 2


async def test_a_publisher_that_is_stopped_as_it_connects_sends_nothing(
    system: System, browser: Browser
) -> None:
    result = await told(system, browser, kind="publisher", name="state connecting", act="stop")
    assert result == {"states": ["connecting", "stopped"], "asked": 0, "outcome": "done"}


@pytest.mark.parametrize(
    ("status", "by_listener", "is_sound_only"),
    [
        pytest.param(None, False, True, id="taken"),
        # the server no longer has the session, which says nothing of the choice
        pytest.param(404, False, True, id="gone"),
        pytest.param(404, True, False, id="refused"),
    ],
)
async def test_a_player_that_is_stopped_while_the_server_is_told_the_choice_stays_so(
    system: System, browser: Browser, status: int | None, by_listener: bool, is_sound_only: bool
) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/healthz")
        how = {"status": status, "byListener": by_listener}
        result = await opened.page.evaluate(_STOPPED_AT_THE_CHOICE, how)
    assert result == {"states": ["connecting", "stopped"], "plays": False, "isSoundOnly": is_sound_only}
