"""The words of the pages: complete in each language, all of them used, and none of them anywhere else."""

import json
import re
from collections import Counter

import pytest

from control.languages.catalogue import DEFAULT, Catalogue, Word, catalogues
from control.routes.page_text import PAGES, page_text
from media.sessions.end_reason import FOR_GOOD
from tests.support.page_sources import SCRIPTS, WEB, modules_of, reached, texts_of_page, texts_of_script

ALL = catalogues()
ENGLISH = ALL[DEFAULT]
OTHERS = [tag for tag in ALL if tag != DEFAULT]

_PLACE = re.compile(r"\{\{([\w.]+)\}\}")
_VALUE = re.compile(r"\{\w+\}")
_CODE = re.compile(r"`[^`]+`")
_KEY = re.compile(r"[a-z]+\.[A-Za-z0-9]+")
_NAME = re.compile(r"[^\W\d_]{2,}")

# These stand alone, on pages of other sites, too: they tell states, and their errors are in English.
STANDING_ALONE = ("whep-player.js", "whip-publisher.js", "room-events.js")
NAMES = {"Roomcast", "VP8", "VP9", "AV1", "OBS Studio", "WHIP", "FFmpeg", "GStreamer"}

# Several words, or one as at the beginning of a sentence
_FOR_PEOPLE = re.compile(r"[^\W\d_]{2,}[,.;:…]? [^\W\d_]{2,}|^[A-Z][a-z]+")
NOT_FOR_PEOPLE = {
    "stage.js": {"(hover: hover) and (pointer: fine)"},
    "words.js": {"room closed"},
    "event-stream.js": {"the stream has ended"},  # an error that is told as a lost connection
    "format.js": {"Opus"},
    "shortcuts.js": {"input, select, textarea, dialog"},
    "theme.js": {"(prefers-color-scheme: dark)"},
    "publish.js": {str(reason) for reason in FOR_GOOD},
}
_IDENTIFIER = re.compile(r"[A-Z][a-zA-Z]+Error|NotConnected|Content-Type")
_COMMAND = re.compile(r"^(ffmpeg|gst-launch-1\.0) | \\\\\n")


def forms(word: Word) -> list[str]:
    return [word] if isinstance(word, str) else list(word.values())


def words(catalogue: Catalogue) -> dict[str, Word]:
    return {f"pages {key}": word for key, word in catalogue.pages.items()} | {
        f"scripts {key}": word for key, word in catalogue.scripts.items()
    }


@pytest.mark.parametrize("tag", OTHERS)
def test_a_language_is_complete(tag: str) -> None:
    assert list(words(ALL[tag])) == list(words(ENGLISH))
    for key, english in words(ENGLISH).items():
        word = words(ALL[tag])[key]
        assert isinstance(word, str) == isinstance(english, str), key
        assert all(form.strip() for form in forms(word)), key


@pytest.mark.parametrize("tag", OTHERS)
def test_a_word_has_the_places_and_the_code_of_the_english_one(tag: str) -> None:
    for key, english in words(ENGLISH).items():
        wanted = set(_VALUE.findall(forms(english)[-1]))
        for form in forms(words(ALL[tag])[key]):
            assert wanted - {"{count}"} <= set(_VALUE.findall(form)) <= wanted | {"{count}"}, key
            assert Counter(_CODE.findall(form)) == Counter(_CODE.findall(forms(english)[-1])), key


@pytest.mark.parametrize("tag", ALL)
def test_a_word_that_counts_has_the_plural_for_all_other_numbers(tag: str) -> None:
    counting = {key: word for key, word in ALL[tag].scripts.items() if not isinstance(word, str)}
    assert counting
    assert all(list(word)[-1] == "other" for word in counting.values())
    assert len({tuple(word) for word in counting.values()}) == 1  # the same forms; a browser test says which


@pytest.mark.parametrize("tag", ALL)
def test_a_word_of_scripts_is_no_markup(tag: str) -> None:
    """Scripts put words into HTML."""
    for key, word in ALL[tag].scripts.items():
        assert not [form for form in forms(word) if re.search(r'[<>&"`]', form)], key


def test_each_word_of_a_page_is_in_one() -> None:
    places = {place for page in WEB.glob("*.html") for place in _PLACE.findall(page.read_text("utf-8"))}
    assert places | {"layout.language"} == set(ENGLISH.pages)


def test_each_word_of_scripts_is_said_and_each_that_is_said_is_there() -> None:
    assert said_by({path.name for path in SCRIPTS.glob("*.js")}) == set(ENGLISH.scripts)


def said_by(modules: set[str]) -> set[str]:
    """The words that these modules say, by key."""
    sections = {key.partition(".")[0] for key in ENGLISH.scripts}
    texts = {text for name in modules for text in texts_of_script((SCRIPTS / name).read_text("utf-8"))}
    return {text for text in texts if _KEY.fullmatch(text) and text.partition(".")[0] in sections}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_comes_with_the_words_that_its_scripts_say(path: str) -> None:
    page = PAGES[path]
    assert set(page.scripts) == {key.partition(".")[0] for key in said_by(modules_of(page.file))}
    for tag in page.languages:
        text = page_text(page, tag, path, "http://localhost")
        assert not _PLACE.findall(text)
        assert f'<html lang="{tag}">' in text
        if page.scripts:
            sent = re.search(r'<script type="application/json" id="words">(.*?)</script>', text)
            assert sent
            wanted = {
                key: word for key, word in ALL[tag].scripts.items() if key.split(".")[0] in page.scripts
            }
            assert json.loads(sent[1]) == wanted


@pytest.mark.parametrize("page", sorted(path.name for path in WEB.glob("*.html") if path.name != "docs.html"))
def test_a_page_has_no_words_of_its_own(page: str) -> None:
    texts = [_PLACE.sub("", text).strip(" ·") for text in texts_of_page((WEB / page).read_text("utf-8"))]
    assert not {text for text in texts if _NAME.search(text)} - NAMES


def test_scripts_have_no_words_of_their_own() -> None:
    found = []
    for path in sorted(SCRIPTS.glob("*.js")):
        if path.name not in reached(*STANDING_ALONE):
            allowed = NOT_FOR_PEOPLE.get(path.name, set())
            texts = [text for text in texts_of_script(path.read_text("utf-8")) if text not in allowed]
            found += [f"{path.name}: {text}" for text in texts if is_for_people(text)]
    assert not found


def test_the_publish_page_knows_all_reasons_for_which_a_server_ends_a_session_for_good() -> None:
    assert NOT_FOR_PEOPLE["publish.js"] <= set(texts_of_script((SCRIPTS / "publish.js").read_text("utf-8")))


def is_for_people(text: str) -> bool:
    return bool(_FOR_PEOPLE.search(text) and not _IDENTIFIER.fullmatch(text) and not _COMMAND.search(text))


def test_what_stands_alone_needs_no_words() -> None:
    assert not reached(*STANDING_ALONE) & {"language.js", "words.js", "format.js"}


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("tell('No room is live.')", ["No room is live."]),
        ("tell(`${n} rooms, ${say(`a ${'Big one'}`)}.`)", ["Big one", "a ", " rooms, ", "."]),
        ('x.innerHTML = `<p title="Full screen">Tap <b>here</b></p>`', ["Full screen", "Tap here"]),
        ("// It's a comment\nconst a = b / c; // and 'another'\n/* `one` */ f('Real')", ["Real"]),
        ("s.replace(/['\"`]/g, 'Quote')", ["Quote"]),
    ],
)
def test_words_in_a_script_would_be_found(script: str, found: list[str]) -> None:
    assert sorted(texts_of_script(script)) == sorted(found)


def test_words_in_a_page_would_be_found() -> None:
    page = (
        '<p title="Hint">Text <b>bold</b></p><input placeholder="Room"><meta name="description" content="It">'
    )
    assert sorted(texts_of_page(page)) == sorted(["Hint", "Text", "bold", "Room", "It"])
