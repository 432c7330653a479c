"""Several sizes of a picture, from the publish page to the choice of a viewer and the view of operators."""

from typing import Any

import pytest
from playwright.async_api import Browser, Response

from tests.e2e.pages.conftest import ADMIN_TOKEN
from tests.support.barriers import assert_no_barrier
from tests.support.browser import Received, WatchPage, open_admin_page, open_publish_page, open_watch_page
from tests.support.system import System
from tests.support.waiting import eventually

SENT_SECONDS = 30.0  # until an encoder that starts carefully sends all sizes
LOOK_SECONDS = 0.5  # between two looks: each takes some of the processor from the encoders

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SIZES = "(all) => all.map((row) => row.cells[0].innerText)"


@pytest.mark.alone  # Chromium sends fewer sizes when its encoders have too little of the processor
@pytest.mark.parametrize(
    "codec",
    [
        "video/VP8",
        *(pytest.param(f"video/{codec}", marks=pytest.mark.soak) for codec in ("H264", "VP9", "AV1")),
    ],
)
async def test_the_publish_page_sends_several_sizes_and_shows_them(
    system: System, browser: Browser, codec: str
) -> None:
    room = f"sizes-{codec[6:]}"
    async with await open_publish_page(browser, system.controls[0].url, room) as publisher:
        await publisher.publish(codec)

        async def shown() -> bool:
            sizes = await publisher.page.eval_on_selector_all("#sizes tbody tr", SIZES)
            return sizes == ["360p", "180p"]

        await eventually("both sizes are sent", shown, SENT_SECONDS, LOOK_SECONDS)

        looks: list[list[dict[str, Any]]] = []

        async def known() -> bool:
            detail = (await system.http.get(f"{system.controls[0].url}/api/rooms/{room}")).json()
            looks.append(detail["layers"])
            # by one look or another: Chromium stops the larger one for a while when its machine was held up
            came = {(layer["rid"], layer["height"]) for look in looks for layer in look if layer["bitrate"]}
            return came >= {("f", 360), ("h", 180)}

        try:
            await eventually("the server knows both", known, SENT_SECONDS, LOOK_SECONDS)
        except AssertionError:
            print("\n".join(map(str, looks)))
            raise
        assert [layer["rid"] for layer in looks[-1]] == ["f", "h"]
        # last: it holds the page up for seconds, and Chromium sends less for half a minute after that
        await assert_no_barrier(publisher.page)


async def test_a_viewer_chooses_from_a_list_by_keyboard(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "menu") as publisher,
        await open_watch_page(browser, url, "menu") as viewer,
    ):
        await publisher.publish("video/VP8")
        await viewer.tells("Watching menu.")
        quality = viewer.page.get_by_role("combobox", name="Quality")
        await quality.wait_for()

        async def whole() -> bool:
            options = await quality.locator("option").all_inner_texts()
            heads = [option.split(",")[0] for option in options]
            return heads == ["Automatic", "360p", "180p", "Sound only"] and "bit/s" in options[2]

        await eventually("the list has both sizes", whole, SENT_SECONDS)
        await assert_no_barrier(viewer.page)
        async with viewer.page.expect_response(lambda response: response.url.endswith("/layer")) as chosen:
            await viewer.page.keyboard.press("q")
            for _ in range(2):
                await viewer.page.keyboard.press("ArrowDown")
            await viewer.page.keyboard.press("Enter")
        answer = await chosen.value
        assert (answer.status, answer.request.post_data_json) == (200, {"rid": "h", "picture": True})
        assert await viewer.page.inner_text("#quality .words") == "180p"


async def test_the_choice_holds_for_later_sessions(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "again") as publisher,
        await open_watch_page(browser, url, "again") as viewer,
    ):
        await publisher.publish("video/VP8")
        await viewer.tells("Watching again.")
        quality = viewer.page.get_by_role("combobox", name="Quality")
        await quality.select_option("sound")
        await viewer.page.locator("#live").get_by_text("Live, sound only").wait_for()
        await publisher.stop()
        await viewer.tells("again is no longer live.")

        def is_choice(response: Response) -> bool:
            return response.url.endswith("/layer")

        async with viewer.page.expect_response(is_choice, timeout=20_000) as chosen:
            await publisher.publish("video/VP8")
        answer = await chosen.value
        assert (answer.status, answer.request.post_data_json) == (200, {"rid": None, "picture": False})
        assert await quality.input_value() == "sound"


async def test_where_the_sizes_are_switched_off_one_is_sent(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "one") as publisher,
        await open_watch_page(browser, url, "one") as viewer,
    ):
        await publisher.page.get_by_label("Send several sizes").uncheck()
        await publisher.publish("video/VP8")
        await viewer.tells("Watching one.")
        options = viewer.page.get_by_role("combobox", name="Quality").locator("option")
        await options.first.wait_for(state="attached")
        assert await options.all_inner_texts() == ["Automatic", "Sound only"]
        assert await publisher.page.is_hidden("#sizes")
        assert await publisher.page.is_disabled("#several")  # another number requires another session


async def test_a_screen_is_sent_in_one_size_unless_somebody_wants_more(
    system: System, browser: Browser
) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "screen") as publisher:
        several = publisher.page.get_by_label("Send several sizes")
        assert await several.is_checked()
        await publisher.page.check('input[value="screen"]', force=True)
        assert not await several.is_checked()
        await publisher.page.check('input[value="camera"]', force=True)
        assert await several.is_checked()
        await several.uncheck()
        await publisher.page.check('input[value="file"]', force=True)
        assert not await several.is_checked()


@pytest.mark.parametrize(
    "codec", ["VP8", *(pytest.param(codec, marks=pytest.mark.soak) for codec in ("H264", "AV1"))]
)
async def test_a_viewer_gets_what_it_chooses_and_operators_see_it(
    system: System, browser: Browser, codec: str
) -> None:
    url, room = system.controls[0].url, f"chosen-{codec}"
    async with (
        await open_publish_page(browser, url, room) as publisher,
        await open_watch_page(browser, url, room) as viewer,
        await open_admin_page(browser, url) as admin,
    ):
        await publisher.publish(f"video/{codec}")
        await viewer.tells(f"Watching {room}.")
        quality = viewer.page.get_by_role("combobox", name="Quality")

        async def gets(width: int) -> None:
            async def has() -> bool:
                return await viewer.video("videoWidth") == width

            await eventually(f"a picture of {width} columns", has, SENT_SECONDS)
            await viewer.pictures(frames=15)

        async def room_shows(layer: str, viewers: int, reason: str) -> None:
            async def shown() -> bool:
                detail = (await system.http.get(f"{url}/api/rooms/{room}")).json()
                found = {one["rid"]: one["viewers"] for one in detail["layers"]}
                return found[layer] == viewers and detail["viewersByReason"][reason] == 1

            await eventually(f"{viewers} of {layer}, {reason}", shown, within=5)

        await gets(640)
        await room_shows("f", 1, "full")
        await quality.select_option("layer h")
        await gets(320)
        await room_shows("h", 1, "choice")
        await admin.sign_in(ADMIN_TOKEN)
        row = admin.page.locator("#sessions tr", has_text=room).filter(has_text="Viewer")
        await row.get_by_text("180p").wait_for()
        await row.get_by_text("chosen", exact=True).last.wait_for()

        await quality.select_option("sound")
        await room_shows("h", 0, "choice")
        before = await viewer.received()
        heard = await _hears_more(viewer, before.audio_samples + 96_000)
        assert heard.frames_decoded - before.frames_decoded < 5  # those that were on their way
        assert await viewer.video("videoWidth") == 320  # the last picture stands

        await quality.select_option("automatic")
        await gets(640)
        await room_shows("f", 1, "full")


async def _hears_more(viewer: WatchPage, samples: int) -> Received:
    async def heard() -> Received | None:
        received = await viewer.received()
        return received if received.audio_samples >= samples else None

    return await eventually("two more seconds of sound", heard, within=10)
