"""Every page: no accessibility barrier that axe-core finds, small, and quickly usable."""

from typing import Literal

import pytest
from playwright.async_api import Browser

from tests.support.aiortc_client import publisher
from tests.support.barriers import assert_no_barrier
from tests.support.browser import OpenPage
from tests.support.system import System

LONGEST = "W" * 64
PAGES = (
    "/",
    "/publish/quality",
    "/watch/quality",
    "/watch/nobody",
    "/embed/quality",
    "/recordings",
    "/admin",
    "/docs",
)
LONGEST_WORDS = "de-DE"
LOCALES = ("en-US", LONGEST_WORDS, "es-ES", "zh-CN")
MAX_BYTES = 60_000
INTERACTIVE_SECONDS = 1.0
BUSY = 3  # times slower than a machine that has nothing else to do
_WEIGHT = """() => performance.getEntriesByType('navigation')
    .concat(performance.getEntriesByType('resource').filter(({ name }) => !name.includes('/api/')))
    .reduce((sum, { transferSize }) => sum + transferSize, 0)"""
_INTERACTIVE = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd / 1000"

_OVER_OTHERS = """() => {
    const texts = [...document.querySelectorAll('.page-header a, .stage-words > p')].map((element) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        const { bottom } = element.getBoundingClientRect();
        const seen = [...range.getClientRects()].filter((one) => one.width && one.top < bottom - 1);
        return { words: element.textContent, seen };
    });
    const beside = (a, b) => a.right < b.left + 1 || b.right < a.left + 1;
    const below = (a, b) => a.bottom < b.top + 1 || b.bottom < a.top + 1;
    const meet = (a, b) => !beside(a, b) && !below(a, b);
    const pairs = texts.flatMap((one, place) => texts.slice(place + 1).map((other) => [one, other]));
    return [
        ...pairs.filter(([one, other]) => one.seen.some((a) => other.seen.some((b) => meet(a, b)))),
        ...texts.filter(({ seen }) => seen.some(({ right }) => right > innerWidth)).map((one) => [one]),
    ].map((found) => found.map(({ words }) => words));
}"""

# The figures of charts, and their names, that take several lines or more room than there is.
_BROKEN_FIGURES = """() => {
    document.getElementById('statistics').hidden = false;
    const texts = [...document.querySelectorAll('.chart :is(figcaption, strong)')];
    for (const text of texts) if (text.tagName === 'STRONG') text.textContent = '888 kbit/s';
    const isBroken = (text) => {
        const range = document.createRange();
        range.selectNodeContents(text);
        const lines = [...range.getClientRects()];
        return lines.length !== 1 || lines[0].right > text.parentElement.getBoundingClientRect().right + 1;
    };
    return texts.filter(isBroken).map(({ textContent }) => textContent);
}"""

# Of each field with words while it is empty: their contrast, and what becomes of those that are too long.
_SUGGESTIONS = """() => {
    const light = (color) => {
        const parts = color.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255);
        const linear = parts.map((part) => (part > 0.04045 ? ((part + 0.055) / 1.055) ** 2.4 : part / 12.92));
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05;
    };
    return [...document.querySelectorAll('[placeholder]')].map((field) => {
        const { backgroundColor, textOverflow } = getComputedStyle(field);
        const [words, ground] = [getComputedStyle(field, '::placeholder').color, backgroundColor].map(light);
        return [Math.max(words, ground) / Math.min(words, ground), textOverflow];
    });
}"""
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3; axe-core does not look at these words

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


# the reference of the API is so long that axe-core looks at it for a quarter of a minute
_LOOKED_AT = [pytest.param(path, marks=pytest.mark.soak) if path == "/docs" else path for path in PAGES]


@pytest.mark.parametrize("path", [*_LOOKED_AT, f"/publish/{LONGEST}", f"/watch/{LONGEST}"])
async def test_no_page_has_a_barrier(system: System, browser: Browser, path: str) -> None:
    async with (
        publisher(system.http, system.whip("quality")),
        OpenPage(await browser.new_page()) as opened,
    ):
        await opened.page.goto(system.controls[0].url + path)
        await assert_no_barrier(opened.page)


@pytest.mark.parametrize("locale", LOCALES)
async def test_nothing_lies_over_something_else_on_small_phones(
    system: System, browser: Browser, locale: str
) -> None:
    async with OpenPage(await browser.new_page(locale=locale)) as opened:
        page = opened.page
        await page.goto(f"{system.controls[0].url}/watch/{LONGEST}")
        await page.locator(".stage[data-state=waiting] .hint:not(:empty)").wait_for()
        for width in (320, 360, 390):
            await page.set_viewport_size({"width": width, "height": 640})
            assert await page.evaluate(_OVER_OTHERS) == [], f"at {width} pixels"


@pytest.mark.parametrize("locale", LOCALES)
async def test_a_figure_of_a_chart_is_in_one_line_on_small_phones(
    system: System, browser: Browser, locale: str
) -> None:
    async with OpenPage(await browser.new_page(locale=locale)) as opened:
        await opened.page.goto(f"{system.controls[0].url}/publish/quality")
        for width in (320, 360, 390):
            await opened.page.set_viewport_size({"width": width, "height": 640})
            assert await opened.page.evaluate(_BROKEN_FIGURES) == [], f"at {width} pixels"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/admin"])
async def test_what_an_empty_field_suggests_can_be_read(
    system: System, browser: Browser, path: str, scheme: Literal["light", "dark"]
) -> None:
    async with OpenPage(await browser.new_page(color_scheme=scheme)) as opened:
        await opened.page.goto(system.controls[0].url + path)
        suggestions = await opened.page.evaluate(_SUGGESTIONS)
        assert len(suggestions) >= 2
        for contrast, too_long in suggestions:
            assert contrast >= LEAST_CONTRAST
            assert too_long == "ellipsis"


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_light_and_soon_usable(system: System, browser: Browser, path: str) -> None:
    async with OpenPage(await browser.new_page(locale=LONGEST_WORDS)) as opened:  # with an empty cache
        await opened.page.goto(system.controls[0].url + path, wait_until="load")
        bytes_sent = await opened.page.evaluate(_WEIGHT)
        seconds = await opened.page.evaluate(_INTERACTIVE)
        print(f"{path}: {bytes_sent} bytes, interactive after {seconds:.2f} s")
        assert 0 < bytes_sent < MAX_BYTES
        assert seconds < INTERACTIVE_SECONDS * BUSY
