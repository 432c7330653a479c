"""Firefox on our pages, and on bare ones: with its fake camera, and with what it got to see and hear."""

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeVar, cast

from playwright.async_api import Page

from deploy.tether import tethered
from tests.support.bidi import Bidi, BidiError, bidi_session
from tests.support.browser import RECORD_CONNECTIONS, OpenPage, PublishPage, WatchPage
from tests.support.waiting import eventually

START_SECONDS = 60.0
END_SECONDS = 10.0
EXECUTABLES = ("firefox-esr", "firefox")
LOG_TAIL = 8_000  # characters
PREFERENCES: dict[str, bool | int | str] = {
    # a fake camera and microphone, and nobody asks
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    # behind a forwarder on loopback the server sees an address of loopback, and says so
    "media.peerconnection.ice.loopback": True,
    # no names of ours are announced to the network
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # nothing else goes to the network
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.region.network.url": "",
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.url": "data:text/plain,",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "data:,",
}

# BiDi describes what a script returns, type by type; JSON is less work.
_CALL = """async (given) => {{
    const found = ({source});
    const value = await (typeof found === 'function' ? found(JSON.parse(given)) : found);
    return JSON.stringify(value ?? null);
}}"""


T = TypeVar("T", bound=OpenPage)


class FirefoxPage:
    """A window. `errors` are those of its console.

    Its methods are those of Playwright's `Page` that `PublishPage`, `WatchPage` and bare players need.
    """

    def __init__(self, bidi: Bidi, context: str) -> None:
        self._bidi, self._context = bidi, context
        self.errors = bidi.errors.setdefault(context, [])

    async def goto(self, url: str) -> None:
        await self._bidi.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def evaluate(self, source: str, given: object = None) -> Any:
        """Call a function in the page, or evaluate an expression there."""
        result = await self._bidi.command(
            "script.callFunction",
            functionDeclaration=_CALL.format(source=source),
            arguments=[{"type": "string", "value": json.dumps(given)}],
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if result["type"] == "exception":
            raise BidiError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    async def eval_on_selector_all(self, selector: str, source: str) -> Any:
        return await self.evaluate(f"(sel) => ({source})([...document.querySelectorAll(sel)])", selector)

    async def text_content(self, selector: str) -> str:
        return str(await self.evaluate("(sel) => document.querySelector(sel)?.textContent ?? ''", selector))

    async def click(self, selector: str) -> None:
        await self.evaluate("(sel) => { document.querySelector(sel).click(); }", selector)

    async def select_option(self, selector: str, value: str) -> None:
        await self.evaluate(
            """([sel, value]) => {
                const choice = document.querySelector(sel);
                choice.value = value;
                for (const name of ['input', 'change'])
                    choice.dispatchEvent(new Event(name, { bubbles: true }));
            }""",
            [selector, value],
        )

    def on(self, event: str, _: object) -> None:
        """`errors` has what its console tells."""

    async def close(self) -> None:
        await self._bidi.command("browsingContext.close", context=self._context)


class Firefox:
    def __init__(self, bidi: Bidi, version: str) -> None:
        self.version = version
        self._bidi = bidi

    async def new_page(self, **_: object) -> FirefoxPage:
        """A window of its own: what is in the background gets no time."""
        made = await self._bidi.command("browsingContext.create", type="window")
        return FirefoxPage(self._bidi, made["context"])

    async def publish_page(self, url: str, room: str) -> PublishPage:
        return PublishPage(await self._open(f"{url}/publish/{room}"))

    async def watch_page(self, url: str, room: str) -> WatchPage:
        return WatchPage(await self._open(f"{url}/watch/{room}"))

    async def _open(self, url: str) -> Page:
        page = await self.new_page()
        await page.goto(url)
        return cast(Page, page)


@contextlib.asynccontextmanager
async def firefox(**preferences: bool | int | str) -> AsyncIterator[Firefox]:
    """A Firefox of its own, headless and off the network. It gathers no candidates of loopback."""
    executable = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    assert executable, "this test needs Firefox: apt-get install firefox-esr"
    with tempfile.TemporaryDirectory() as profile:
        log = Path(profile) / "log"
        preferences = PREFERENCES | preferences
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(preferences[name])});\n" for name in preferences]
        (Path(profile) / "user.js").write_text("".join(lines))
        options = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *tethered([executable, *options]), stdout=output, stderr=output
            )
        try:
            url = await eventually(
                "Firefox listens", lambda: _address(Path(profile)), START_SECONDS, every=0.1
            )
            async with bidi_session(url) as (bidi, version):
                prepare = f"() => {{ {RECORD_CONNECTIONS} }}"
                await bidi.command("script.addPreloadScript", functionDeclaration=prepare)
                yield Firefox(bidi, version)
        except BaseException:
            print(f"--- firefox\n{log.read_text(errors='replace')[-LOG_TAIL:]}", file=sys.stderr)
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), END_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


def _address(profile: Path) -> str | None:
    """Where it listens for BiDi, when it does."""
    try:
        found = json.loads((profile / "WebDriverBiDiServer.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return f"ws://{found['ws_host']}:{found['ws_port']}/session"
