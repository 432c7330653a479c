"""A signed link opens its own recording, until it expires."""

from urllib.parse import parse_qsl

import pytest

from shared.records.signed_links import SignedLinks

LINKS = SignedLinks(b"key", 60)
NAME = "red_1.webm"
QUERY = dict(parse_qsl(LINKS.query(NAME, 1_000.0)))


def test_a_link_expires() -> None:
    assert LINKS.admits(NAME, QUERY, 1_000.0)
    assert LINKS.admits(NAME, QUERY, 1_059.0)
    assert not LINKS.admits(NAME, QUERY, 1_061.0)


def test_a_link_opens_its_own_recording_and_under_its_own_key() -> None:
    assert not LINKS.admits("blue_1.webm", QUERY, 1_000.0)
    assert not SignedLinks(b"another", 60).admits(NAME, QUERY, 1_000.0)


@pytest.mark.parametrize(
    "changed", [{"expires": "9" + QUERY["expires"]}, {"expires": ""}, {"expires": "x"}, {"signature": "é"}]
)
def test_a_link_that_was_changed_opens_nothing(changed: dict[str, str]) -> None:
    assert not LINKS.admits(NAME, QUERY | changed, 1_000.0)
    assert not LINKS.admits(NAME, {}, 1_000.0)
