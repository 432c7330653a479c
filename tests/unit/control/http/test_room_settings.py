"""What may be set for a room, and what is refused, with what it must be."""

import json
from typing import Any

import pytest

from control.access.plain_tokens import token_digest
from control.http.room_settings import parse_note, parse_settings
from shared.errors import ErrorCode, ServiceError
from shared.messages.room_settings import FOREVER, RecordingNote, RoomSettings

NOW = 1000.0
TOKEN = "0123456789abcdef"


def parsed(**fields: Any) -> dict[str, Any]:
    return parse_settings(json.dumps(fields).encode(), NOW)


def test_null_is_what_a_room_has_for_which_nothing_is_set() -> None:
    names = (
        "seats",
        "publishTokens",
        "playTokens",
        "listed",
        "recorded",
        "formats",
        "stills",
        "title",
        "labels",
        "until",
    )
    nulls = parsed(**dict.fromkeys(names))
    assert RoomSettings(room="demo", **nulls) == RoomSettings(room="demo")
    assert len(nulls) == len(names)


def test_tokens_are_kept_as_digests() -> None:
    assert parsed(playTokens=[TOKEN, "x" * 16]) == {
        "play_tokens": (token_digest(TOKEN.encode()), token_digest(b"x" * 16))
    }


def test_a_recording_may_have_a_name_and_labels() -> None:
    assert parse_note(b" ") == parse_note(b"{}") == RecordingNote()
    assert parse_note(b'{"name": "a", "labels": {"b": "c"}}') == RecordingNote(name="a", labels={"b": "c"})
    for wrong in (b'{"name": "a\\n"}', b'{"labels": {"b": 1}}', b'{"other": 1}', b"[]"):
        with pytest.raises(ServiceError, match="invalid_settings"):
            parse_note(wrong)


def test_formats_are_a_set() -> None:
    assert parsed(formats=["mux", "tracks", "mux"]) == {"formats": ("tracks", "mux")}


def test_what_may_be_set() -> None:
    labels = {f"key-{number}": "é" * 256 for number in range(16)}
    fields = {
        "seats": 0,
        "listed": False,
        "stills": True,
        "recorded": False,
        "title": "t" * 200,
        "labels": labels,
        "until": NOW + 1,
    }
    assert parsed(**fields) == fields


@pytest.mark.parametrize(
    "fields",
    [
        {"seats": -1},
        {"seats": True},
        {"seats": 1.5},
        {"seats": 1_000_001},
        {"publishTokens": []},
        {"publishTokens": TOKEN},
        {"publishTokens": [TOKEN] * 5},
        {"publishTokens": ["short"]},
        {"playTokens": ["with a space in it"]},
        {"playTokens": [1]},
        {"listed": 1},
        {"stills": "no"},
        {"formats": []},
        {"formats": ["webm"]},
        {"title": "t" * 201},
        {"title": "a\nb"},
        {"title": "\ud800"},
        {"labels": []},
        {"labels": {"a b": ""}},
        {"labels": {"a": 1}},
        {"labels": {"a": "x" * 257}},
        {"labels": {str(number): "" for number in range(17)}},
        {"until": NOW},
        {"until": FOREVER},
        {"until": float("nan")},
        {"until": True},
        {"room": "demo"},
    ],
    ids=str,
)
def test_what_may_not_be_set_is_named(fields: dict[str, Any]) -> None:
    with pytest.raises(ServiceError) as error:
        parsed(**fields)
    assert error.value.code is ErrorCode.INVALID_SETTINGS
    [name] = fields
    assert name == "room" or (error.value.detail or "").startswith(f"{name} is ")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 5000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ServiceError, match="invalid_settings"):
        parse_settings(body, NOW)
