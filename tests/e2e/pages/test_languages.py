"""The pages in other languages: by the browser's, and by the choice at the foot of each page."""

import re

import pytest
from playwright.async_api import Browser, Page, Route

from control.languages.catalogue import DEFAULT, Word, catalogues
from media.rooms.warnings import NO_KEYFRAME, NO_PARAMETER_SETS, REORDERED, SPATIAL_LAYERS, STARVED_LAYER
from tests.e2e.pages.conftest import ADMIN_TOKEN
from tests.support.aiortc_client import publisher
from tests.support.barriers import DEVICES
from tests.support.browser import OpenPage, PublishPage, WatchPage
from tests.support.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

LOCALES = {"de": "de-DE", "es": "es-MX", "zh-Hans": "zh-CN"}
PATHS = (
    "/",
    "/publish/languages",
    "/watch/languages",
    "/watch/nobody",
    "/watch/not.a.room",
    "/embed/languages",
    "/recordings",
    "/admin",
)
_SAID = """() => {
    const attributes = ['alt', 'aria-label', 'placeholder', 'title'];
    const read = (root) => [root, ...root.querySelectorAll('*')].flatMap((one) => {
        if (['SCRIPT', 'STYLE'].includes(one.tagName)) return [];
        const nodes = [...one.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE);
        const texts = nodes.map(({ data }) => data.trim());
        const spoken = attributes.map((name) => one.getAttribute?.(name));
        return [...texts, ...spoken, ...(one.content ? read(one.content) : [])];
    });
    return [document.title, ...read(document.body)].filter(Boolean);
}"""


async def test_plurals_are_those_of_the_language(system: System, browser: Browser) -> None:
    page = await browser.new_page()
    for tag, catalogue in catalogues().items():
        categories = await page.evaluate(
            "(tag) => new Intl.PluralRules(tag).resolvedOptions().pluralCategories", tag
        )
        word = catalogue.scripts["rooms.viewers"]
        assert not isinstance(word, str)
        assert set(word) == set(categories), tag
    await page.close()


def as_pattern(word: Word) -> str:
    """What a word looks like on a page, with any values."""
    texts = [word] if isinstance(word, str) else word.values()
    return "|".join(re.sub(r"\\\{\w+\\\}", ".*", re.escape(text)) for text in texts)


def english_only(tag: str) -> re.Pattern[str]:
    """The words of the pages that are others in that language."""
    english, other = catalogues()[DEFAULT], catalogues()[tag]
    same = {str(word) for words in (other.pages, other.scripts) for word in words.values()}
    found = [
        as_pattern(word)
        for words in (english.pages, english.scripts)
        for word in words.values()
        if str(word) not in same and re.search(r"[A-Za-z]{3}", re.sub(r"\{\w+\}", "", as_pattern(word)))
    ]
    assert len(found) > 300
    return re.compile("|".join(found))


@pytest.mark.parametrize("tag", LOCALES)
async def test_no_page_has_english_left(system: System, browser: Browser, tag: str) -> None:
    english = english_only(tag)
    context = await browser.new_context(locale=LOCALES[tag], viewport=DEVICES["phone"])
    async with context, publisher(system.http, system.whip("languages")):
        for path in PATHS:
            async with OpenPage(await context.new_page()) as opened:
                await opened.page.goto(system.controls[0].url + path)
                if path == "/":
                    await opened.page.locator(".room").wait_for()
                await opened.page.locator("h1, h2").first.wait_for(state="attached")
                assert await opened.page.evaluate("document.documentElement.lang") == tag, path
                said = await opened.page.evaluate(_SAID)
                assert not [text for text in said if english.fullmatch(text)], path
                # its elements are those of the English page, in which test_quality.py looks for barriers
                assert await opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


async def heading(page: Page) -> str:
    return await page.locator("h1").inner_text()


async def test_a_choice_at_the_foot_holds_for_all_pages(system: System, browser: Browser) -> None:
    async with OpenPage(await browser.new_page(locale="de-DE")) as opened:
        page = opened.page
        await page.goto(system.controls[0].url)
        assert await heading(page) == "Jetzt live"
        assert await page.locator(".languages [aria-current]").inner_text() == "Deutsch"
        await page.get_by_role("link", name="Español").click()
        await page.get_by_role("heading", name="En directo ahora").wait_for()
        await page.get_by_role("link", name="Grabaciones").click()
        await page.get_by_role("heading", name="Grabaciones", exact=True).wait_for()
        assert await page.evaluate("document.documentElement.lang") == "es"


async def test_live_in_german_with_figures_as_germans_write_them(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    context = await browser.new_context(locale="de-DE", permissions=["camera", "microphone"])
    async with (
        context,
        PublishPage(await context.new_page()) as publishing,
        WatchPage(await context.new_page()) as watching,
    ):
        await publishing.page.goto(f"{url}/publish/studio")
        assert await heading(publishing.page) == "Senden in studio"
        assert "2,5 Mbit/s" in await publishing.page.locator("#bitrate").inner_text()
        await publishing.publish()
        await publishing.tells("Live in studio.")
        await watching.page.goto(f"{url}/watch/studio")
        await watching.tells("Du siehst studio.")
        await publishing.page.get_by_text("1 Zuschauer bekommt 360p.").wait_for()
        await watching.page.keyboard.press("i")
        await watching.page.get_by_text(re.compile(r"^\d+,\d\s%$")).wait_for()
        await publishing.stop()
        await publishing.tells("Du sendest nicht.")
        await watching.tells("studio ist nicht mehr live.")
        await watching.page.get_by_text(
            re.compile(r"Der Stream endete vor \d+ Sekunden?\. Der nächste beginnt von selbst\.")
        ).wait_for()


async def test_a_page_without_its_words_still_works(system: System, browser: Browser) -> None:
    """As during an upgrade: the page comes from a server of before, its scripts from a new one."""
    async with (
        publisher(system.http, system.whip("older")),
        WatchPage(await browser.new_page()) as watching,
    ):

        async def without_words(route: Route) -> None:
            response = await route.fetch()
            text = re.sub(r'<script type="application/json".*?</script>', "", await response.text())
            await route.fulfill(response=response, body=text)

        await watching.page.route("**/watch/older", without_words)
        await watching.page.goto(f"{system.controls[0].url}/watch/older")
        await watching.pictures()
        await watching.tells("player.watching")


async def test_known_warnings_are_in_the_language_and_others_are_marked(
    system: System, browser: Browser
) -> None:
    async with OpenPage(await browser.new_page(locale="de-DE")) as opened:
        await opened.page.goto(f"{system.controls[0].url}/admin")
        told = [
            NO_KEYFRAME,
            NO_PARAMETER_SETS,
            SPATIAL_LAYERS,
            STARVED_LAYER,
            *REORDERED.values(),
            "a viewer could not play this room: H265",
            "the disk is full",
        ]
        items = await opened.page.evaluate(
            """async (warnings) => {
                const { warningItems } = await import('../static/js/room-warnings.js');
                return warningItems(warnings).map(({ textContent, lang }) => [textContent, lang]);
            }""",
            told,
        )
    words = [text for text, _ in items]
    assert not set(words[:-1]) & set(told)
    assert words[-2] == "Ein Zuschauer konnte diesen Raum nicht abspielen: H265"
    assert words[-1] == "the disk is full"
    assert [tag for _, tag in items] == [""] * (len(told) - 1) + ["en"]


async def test_who_may_not_publish_in_a_blocked_room_is_told_why(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    blocked = await system.http.post(
        f"{url}/api/admin/rooms/shut/close",
        json={"block": 60, "reason": "Umbau"},
        headers={"X-Auth-Token": ADMIN_TOKEN},
    )
    assert blocked.status_code == 200
    async with PublishPage(
        await browser.new_page(locale="de-DE", permissions=["camera", "microphone"]), [403]
    ) as publishing:
        await publishing.page.goto(f"{url}/publish/shut")
        await publishing.publish()
        await publishing.tells("Ein Betreiber hat shut gesperrt: Umbau")


async def test_an_error_without_a_room_is_told_without_one(system: System, browser: Browser) -> None:
    async with OpenPage(await browser.new_page(locale="de-DE")) as opened:
        await opened.page.goto(f"{system.controls[0].url}/recordings")
        words = await opened.page.evaluate(
            """async () => {
                const { inWords } = await import('../static/js/words.js');
                const { Refused } = await import('../static/js/server.js');
                const refused = new Refused(404, 'not found');
                return [inWords(refused), inWords(refused, { room: 'studio' })];
            }"""
        )
        assert words == ["Das hat nicht geklappt: not found.", "studio ist noch nicht live."]


async def test_a_value_turns_no_other_words_around(system: System, browser: Browser) -> None:
    """As the subject of a token may, or the reason of an operator."""
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/admin")
        said = await opened.page.evaluate(
            """async (subjects) => {
                const { say } = await import('../static/js/language.js');
                return subjects.map((subject) => say('admin.tokensOf', { subject }));
            }""",
            ["anna", "\u202eanna\u2069", "\u05d0\u05e0\u05d4"],
        )
    assert said == [
        "All tokens of anna",
        "All tokens of anna",
        "All tokens of \u2068\u05d0\u05e0\u05d4\u2069",
    ]


async def test_a_browser_with_a_language_that_is_none_has_a_page_all_the_same(
    system: System, browser: Browser
) -> None:
    async with OpenPage(await browser.new_page(locale="en-US")) as opened:
        await opened.page.add_init_script(
            "Object.defineProperty(navigator, 'languages', { value: ['en-US@posix', 'en-GB'] })"
        )
        await opened.page.goto(f"{system.controls[0].url}/publish/posix")
        await opened.page.get_by_role("heading", name="Publish to posix").wait_for()
        assert (
            await opened.page.evaluate("import('../static/js/language.js').then(({ LOCALE }) => LOCALE)")
            == "en-GB"
        )
