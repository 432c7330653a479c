"""Which language a request wants."""

import pytest

from control.languages.preference import MOST_PREFERENCES, preferred

KNOWN = ("en", "de", "es", "zh-Hans")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr-FR,fr;q=0.9,es;q=0.5,en;q=0.4", "es"),
        ("en;q=0.4, es ;q=0.5", "es"),
        ("en;q=0.5,de;q=0.5", "en"),
        ("ES-mx", "es"),
        ("zh-CN,zh;q=0.9", "zh-Hans"),
        ("zh-TW", "zh-Hans"),
        ("de;q=0,es", "es"),
        ("de;q=0.000", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("", "en"),
    ],
)
def test_a_browser_has_its_most_wanted_language(accepted: str, language: str) -> None:
    assert preferred((), accepted, KNOWN) == language


@pytest.mark.parametrize(
    "accepted",
    [
        *(f"de;q={wrong}" for wrong in ("2", "1.001", "-1", "nan", "0.1234")),
        *("de; level=1", "d€", "de--AT", "deutschland-AT", "\x00de", ",,;;q=1,="),
        *("fr," * MOST_PREFERENCES + "de", "d" * 100_000, ";q=" * 30_000),
    ],
)
def test_what_cannot_be_read_is_no_preference(accepted: str) -> None:
    assert preferred((), accepted, KNOWN) == "en"


def test_what_was_chosen_by_hand_goes_first() -> None:
    assert preferred(("es", "zh-Hans"), "de", KNOWN) == "es"
    assert preferred((None, "zh-Hans"), "de", KNOWN) == "zh-Hans"
    assert preferred(("xx", "../en"), "de", KNOWN) == "de"
