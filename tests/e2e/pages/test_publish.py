"""The publish page: its settings, figures and sources, and its commands for other programs."""

import shlex
import subprocess
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from playwright.async_api import Browser

from tests.support.barriers import assert_no_barrier
from tests.support.browser import open_publish_page, open_watch_page
from tests.support.foreign_client import running_client
from tests.support.system import System
from tests.support.waiting import eventually

WATCH_SECONDS = 20.0
_HOLD = """() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    const leave = new Promise((resolve) => { window.giveLeave = resolve; });
    window.opened = [];
    navigator.mediaDevices.getUserMedia = async (wish) => {
        await leave;
        const stream = await ask(wish);
        opened.push(stream);
        return stream;
    };
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a test picture and a tone."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    # fmt: off
    command = [
        get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25",
        "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "2",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path),
    ]
    # fmt: on
    subprocess.run(command, check=True)
    return path


async def test_it_shows_what_it_sends_in_figures_and_words(system: System, browser: Browser) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "figures") as publisher:
        page = publisher.page
        await page.select_option("#bitrate", "500000")
        await page.select_option("#frame-rate", "15")
        await publisher.publish("video/VP9")
        await publisher.tells("Live in figures.")

        async def sent() -> bool:
            bitrate = await page.inner_text('[data-figure="bitrate"]')
            frames = await page.inner_text('[data-figure="framesPerSecond"]')
            sent = await page.inner_text("#sent")
            return "bit/s" in bitrate and frames in ("14", "15", "16") and sent.startswith("VP9, 640 × 360")

        await eventually("figures", sent, within=15)
        chart = await page.get_attribute('[data-chart="bitrate"]', "aria-label")
        assert chart
        assert chart.startswith("Bitrate, the last minute: ")
        assert "kbit/s" in chart
        assert await page.inner_text("#viewers") == "0 viewers"
        await assert_no_barrier(page)
        level = page.get_by_role("meter", name="Sound level")

        async def beeps() -> bool:
            return int(await level.get_attribute("aria-valuenow") or 0) > 20

        await eventually("the fake microphone beeps", beeps, within=5, every=0.02)
        await publisher.stop()
        await publisher.tells("Not publishing.")
        assert await page.is_hidden("#statistics")
        assert await page.evaluate("document.activeElement.id") == "start"


async def test_the_source_is_changed_while_live(system: System, browser: Browser, film: Path) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "sources") as publisher,
        await open_watch_page(browser, url, "sources") as viewer,
    ):
        await publisher.publish("video/VP8")
        await viewer.sees_and_hears(WATCH_SECONDS, frames=20)
        await publisher.page.check('input[value="file"]', force=True)
        await publisher.page.set_input_files("#file", film)

        async def film_arrives() -> bool:
            width = await viewer.page.evaluate("document.getElementById('video').videoWidth")
            return bool(width == 320)

        await eventually("the film at the viewer", film_arrives, WATCH_SECONDS)
        await viewer.sees_and_hears(WATCH_SECONDS)
        await publisher.tells("Live in sources.")


async def test_without_a_microphone_only_the_picture_is_sent(system: System, browser: Browser) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "silent") as publisher:
        await publisher.page.select_option("#microphone", "none")
        await publisher.publish()
        await publisher.tells("Live in silent.")
        assert (await system.rooms())["silent"]["tracks"] == 1
        assert await publisher.page.is_hidden("#mute")
        await publisher.page.select_option("#microphone", "")  # an additional track requires another session

        async def two_tracks() -> bool:
            return (await system.rooms()).get("silent", {}).get("tracks") == 2

        await eventually("sound, too", two_tracks, within=10)
        await publisher.tells("Live in silent.")


async def test_a_file_is_sent_as_music_unless_somebody_wants_less(system: System, browser: Browser) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "choir") as publisher:
        music = publisher.page.get_by_label("Music")
        assert not await music.is_checked()
        await publisher.page.check('input[value="file"]', force=True)
        assert await music.is_checked()
        await publisher.page.check('input[value="camera"]', force=True)
        assert not await music.is_checked()
        await music.check()
        await publisher.page.check('input[value="screen"]', force=True)
        assert await music.is_checked()
        await publisher.page.reload()
        assert await music.is_checked()


async def test_a_preview_is_seen_by_nobody_else(system: System, browser: Browser) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "rehearsal") as publisher:
        await publisher.page.click("#preview")
        await publisher.tells("Not publishing: only you see this.")
        assert await publisher.page.evaluate("document.getElementById('video').srcObject.active")
        assert "rehearsal" not in await system.rooms()
        cameras = await publisher.page.eval_on_selector_all("#camera option", "all => all.length")
        assert cameras > 1  # they have names now


async def test_the_device_that_was_chosen_before_is_asked_for(system: System, browser: Browser) -> None:
    """Chromium without a profile gives devices other ids at each visit: to it, the one of before is gone."""
    async with await open_publish_page(browser, system.controls[0].url, "again") as publisher:
        page = publisher.page
        await page.evaluate("localStorage.setItem('roomcast-publish', '{\"microphone\": \"gone\"}')")
        await page.reload()
        await page.evaluate("""() => {
            const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.asked = [];
            navigator.mediaDevices.getUserMedia = (wish) => {
                asked.push(wish.audio.deviceId ?? null);
                return open(wish);
            };
        }""")
        await page.click("#preview")
        await publisher.tells("Not publishing: only you see this.")
        assert await page.evaluate("asked") == [{"exact": "gone"}, {"ideal": "gone"}]
        assert await page.input_value("#microphone") == ""
        chosen = await page.locator("#microphone option").last.get_attribute("value")
        await page.evaluate(
            """(microphone) => { // it is plugged in again, while another one is open
                localStorage.setItem('roomcast-publish', JSON.stringify({ microphone }));
                document.getElementById('microphone').lastElementChild.id = 'old';
                navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
            }""",
            chosen,
        )
        await page.wait_for_selector("#old", state="detached")
        assert await page.input_value("#microphone") == ""
        await page.select_option("#microphone", chosen)
        await page.select_option("#microphone", "")
        assert await page.evaluate("asked.slice(2)") == [{"exact": chosen}, None]


def words(command: str) -> list[str]:
    """A command as a shell takes it, over several lines."""
    return shlex.split(command.replace("\\\n", " "))


async def test_its_command_for_ffmpeg_publishes(system: System, browser: Browser, film: Path) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "films") as page,
        await open_watch_page(browser, url, "films") as viewer,
    ):
        command = await page.page.text_content("#ffmpeg") or ""
        assert f"{url}/api/whip/publish/films" in command
        given = command.replace("TOKEN", "any").replace("film.mp4", str(film))
        program, *arguments = words(given)
        assert program == "ffmpeg"
        with running_client([get_ffmpeg_exe(), "-stream_loop", "-1", "-nostdin", *arguments]):
            received = await viewer.sees_and_hears(WATCH_SECONDS, frames=40)
        assert received.video_codec == "video/H264"


async def test_what_it_tells_other_programs_can_be_copied(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    page = await browser.new_page(permissions=["clipboard-read", "clipboard-write"])
    await page.goto(f"{url}/publish/copied")
    endpoint = f"{url}/api/whip/publish/copied"
    await page.get_by_text(endpoint).first.wait_for()
    await page.get_by_role("button", name="Copy the server for OBS").click()
    await page.get_by_text("Copied.").wait_for(state="attached")
    assert await page.evaluate("navigator.clipboard.readText()") == endpoint
    command = words(await page.text_content("#gstreamer") or "")
    assert command[0] == "gst-launch-1.0"
    assert f"whip-endpoint={endpoint}" in command
    await page.close()


async def test_who_stops_while_the_browser_asks_for_leave_is_not_live(
    system: System, browser: Browser
) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "hesitant") as publisher:
        await publisher.page.evaluate(_HOLD)
        await publisher.page.click("#start")
        await publisher.tells("Opening the camera")
        await publisher.stop()
        await publisher.tells("Not publishing.")
        await publisher.page.evaluate("giveLeave()")

        async def closed() -> bool:
            script = "opened[0]?.getTracks().every(({ readyState }) => readyState === 'ended')"
            return bool(await publisher.page.evaluate(script))

        await eventually("the camera is off", closed, within=5)
        await publisher.tells("Not publishing.")
        assert "hesitant" not in await system.rooms()


async def test_what_is_chosen_while_the_browser_asks_for_leave_holds(
    system: System, browser: Browser, film: Path
) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "undecided") as publisher:
        page = publisher.page
        await page.evaluate(_HOLD)
        await page.click("#start")
        await publisher.tells("Opening the camera")
        await page.select_option("#microphone", "none")
        await page.check('input[value="file"]', force=True)
        await page.set_input_files("#file", film)
        await page.wait_for_function("() => document.getElementById('video').videoWidth === 320")
        await page.evaluate("giveLeave()")
        await publisher.tells("Live in undecided.")
        await page.wait_for_function("() => opened.length === 2")
        ended = (
            "() => opened.every((all) => all.getTracks().every(({ readyState }) => readyState === 'ended'))"
        )
        await page.wait_for_function(ended)
        assert await page.evaluate("document.getElementById('video').videoWidth") == 320
        await publisher.tells("Live in undecided.")


async def test_who_goes_live_before_another_source_is_open_sends_that_one(
    system: System, browser: Browser
) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "early") as publisher:
        page = publisher.page
        await page.click("#preview")
        await publisher.tells("Not publishing: only you see this.")
        await page.evaluate(_HOLD)
        await page.select_option("#microphone", "none")
        await page.click("#start")
        await page.evaluate("giveLeave()")
        await publisher.tells("Live in early.")
        assert (await system.rooms())["early"]["tracks"] == 1
        await page.wait_for_function("() => opened.length === 2")
        live = "document.getElementById('video').srcObject.getTracks().map((track) => track.readyState)"
        assert await page.evaluate(live) == ["live"]


async def test_a_source_that_cannot_be_had_leaves_the_present_one_live(
    system: System, browser: Browser
) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "steady") as publisher:
        await publisher.publish()
        await publisher.tells("Live in steady.")
        await publisher.page.evaluate("""() => {
            const refuse = async () => { throw new DOMException('', 'NotAllowedError'); };
            navigator.mediaDevices.getDisplayMedia = refuse;
        }""")
        await publisher.page.check('input[value="screen"]', force=True)
        await publisher.tells("Nothing was chosen to share. Still live in steady.")
        assert await publisher.page.get_attribute("#status", "data-state") == "live"
        assert (await system.rooms())["steady"]["hasPublisher"]
