"""What may be set for a room, and what is refused, with what it must be."""

import json
from dataclasses import replace
from typing import Any

import pytest

from control.access.plain_tokens import token_digest
from control.http.room_settings import MOST_CLIPS, parse_mark, parse_note, parse_settings
from shared.errors import ErrorCode, ServiceError
from shared.messages.room_settings import FOREVER, Clip, RecordingNote, RoomSettings

NOW = 1000.0
TOKEN = "0123456789abcdef"


def parsed(**fields: Any) -> dict[str, Any]:
    return parse_settings(json.dumps(fields).encode(), NOW)


def test_null_is_what_a_room_has_for_which_nothing_is_set() -> None:
    names = (
        *("seats", "publishTokens", "playTokens", "listed", "recorded", "formats", "keepDays", "stills"),
        *("slate", "title", "labels", "until"),
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


def marked(note: RecordingNote, now: float, **fields: Any) -> RecordingNote:
    return parse_mark(json.dumps(fields).encode()).on(note, now)


def test_a_clip_begins_and_ends_once_and_another_of_its_name_may_follow() -> None:
    note = marked(RecordingNote(name="a"), 10.0, beginClip="goal")
    assert marked(note, 11.0, beginClip="goal") == note
    note = marked(note, 12.0, endClip="goal", beginClip="next")
    assert marked(note, 13.0, endClip="goal") == note
    assert note == RecordingNote(
        name="a", clips=(Clip(name="goal", begin=10.0, end=12.0), Clip(name="next", begin=12.0))
    )
    again = marked(note, 14.0, beginClip="goal").clips
    assert [(clip.name, clip.end) for clip in again] == [("goal", 12.0), ("next", None), ("goal", None)]
    assert marked(note, 15.0, paused=True) == replace(note, paused=True)
    assert marked(replace(note, paused=True), 15.0, paused=False) == note
    assert marked(replace(note, paused=True), 15.0, endClip="next").paused  # it stays so


def test_a_clip_does_not_end_before_it_begins() -> None:
    """Another control process may have read the time a little later, and be asked first."""
    [clip] = marked(marked(RecordingNote(), 10.02, beginClip="goal"), 10.0, endClip="goal").clips
    assert (clip.begin, clip.end) == (10.02, 10.02)


def test_there_are_so_many_clips() -> None:
    note = RecordingNote()
    for number in range(MOST_CLIPS):
        note = marked(note, 1.0, beginClip=f"{number}")
    assert marked(note, 2.0, beginClip="0") == note
    for which in ("beginClip", "endClip"):
        with pytest.raises(ServiceError, match="not_marked"):
            marked(note, 2.0, **{which: "another"})


@pytest.mark.parametrize(
    "fields",
    [
        *({}, {"paused": None}, {"paused": 1}, {"endClip": 1}, {"clip": "a"}),
        *({"beginClip": wrong} for wrong in ("", None, "a\n", "a" * 201)),
    ],
)
def test_what_is_no_mark(fields: dict[str, Any]) -> None:
    with pytest.raises(ServiceError, match="invalid_settings"):
        marked(RecordingNote(), 1.0, **fields)


def test_formats_are_a_set() -> None:
    assert parsed(formats=["mux", "tracks", "mux"]) == {"formats": ("tracks", "mux")}


def test_what_may_be_set() -> None:
    labels = {f"key-{number}": "é" * 256 for number in range(16)}
    fields: dict[str, Any] = {"seats": 0, "listed": False, "stills": True, "recorded": False}
    fields |= {"slate": "be_right-back.2.png", "title": "t" * 200, "labels": labels, "until": NOW + 1}
    assert parsed(**fields) == fields


@pytest.mark.parametrize(
    "fields",
    [
        *({"seats": wrong} for wrong in (-1, True, 1.5, 1_000_001)),
        *({"publishTokens": wrong} for wrong in ([], TOKEN, [TOKEN] * 5, ["short"])),
        *({"playTokens": wrong} for wrong in (["with a space in it"], [1])),
        *({"listed": 1}, {"stills": "no"}, {"formats": []}, {"formats": ["webm"]}),
        *({"slate": wrong} for wrong in ("../secret.png", ".hidden", "a/b.png", "s" * 129, 1)),
        *({"title": wrong} for wrong in ("t" * 201, "a\nb", "\ud800")),
        *({"labels": wrong} for wrong in ([], {"a b": ""}, {"a": 1}, {"a": "x" * 257})),
        {"labels": {str(number): "" for number in range(17)}},
        *({"until": wrong} for wrong in (NOW, FOREVER, float("nan"), True)),
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
