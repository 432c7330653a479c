"""What is set for a room, parsed; raises `INVALID_SETTINGS` with what is wrong.

Texts have no control characters, so that they fit into a line of a log, and no half of a surrogate pair.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from control.access.plain_tokens import token_digest
from control.http.json_object import is_number, is_whole, json_object
from shared.errors import ErrorCode, ServiceError
from shared.messages.room_settings import FOREVER, Clip, RecordingNote
from shared.names import is_plain

MOST_SEATS = 1_000_000
MOST_TOKENS = 4  # of one room for one action: two while one is replaced by another
MAX_TITLE = 200  # characters
MOST_LABELS = 16
MAX_LABEL = 256  # characters
MOST_CLIPS = 50  # of one recording
MOST_DAYS = 36_500
FORMATS = ("tracks", "mux")

_TOKEN = re.compile(r"[!-~]{16,256}")
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")  # it leads out of no folder
_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def parse_settings(body: bytes, now: float) -> dict[str, Any]:
    """The fields of `RoomSettings` that are set; null sets what the environment says. `now`: Unix time."""
    fields: dict[str, Any] = {}
    for name, value in json_object(body, _FIELDS, _wrong).items():
        field, default, check, meaning = _FIELDS[name]
        if value is None:
            fields[field] = default
            continue
        fields[field] = parsed = check(value)
        if parsed is None or (name == "until" and parsed <= now):
            raise _wrong(f"{name} is {meaning}")
    return fields


def parse_note(body: bytes) -> RecordingNote:
    """`{"name", "labels"}` of a recording that is asked for, or nothing."""
    ask = json_object(body, {"name", "labels"}, _wrong) if body.strip() else {}
    name, labels = _text(ask.get("name", "")), _labels(ask.get("labels", {}))
    if name is None:
        raise _wrong(f"name is {_A_TITLE}")
    if labels is None:
        raise _wrong(f"labels is {_LABELS}")
    return RecordingNote(name=name, labels=labels)


@dataclass(frozen=True, slots=True)
class Mark:
    """What is to become of a recording that is under way."""

    paused: bool | None = None
    end_clip: str | None = None
    begin_clip: str | None = None

    def on(self, note: RecordingNote, now: float) -> RecordingNote:
        """What is said of the recording then, at Unix time `now`; raises `NOT_MARKED`.

        A clip that goes on is not begun again, and one that has ended does not end again.
        """
        clips = list(note.clips)
        if self.end_clip is not None:
            named = [number for number, clip in enumerate(clips) if clip.name == self.end_clip]
            if not named:
                raise ServiceError(ErrorCode.NOT_MARKED, detail="no clip of that name was begun")
            clip = clips[named[-1]]
            if clip.end is None:  # control processes read the time of Redis some milliseconds apart
                clips[named[-1]] = replace(clip, end=max(now, clip.begin))
        if self.begin_clip is not None and not _goes_on(clips, self.begin_clip):
            if len(clips) >= MOST_CLIPS:
                raise ServiceError(ErrorCode.NOT_MARKED, detail=f"it has {MOST_CLIPS} clips at most")
            clips.append(Clip(name=self.begin_clip, begin=now))
        paused = note.paused if self.paused is None else self.paused
        return replace(note, paused=paused, clips=tuple(clips))


def _goes_on(clips: Iterable[Clip], name: str) -> bool:
    return any(clip.name == name and clip.end is None for clip in clips)


def parse_mark(body: bytes) -> Mark:
    """`{"paused", "beginClip", "endClip"}`, at least one of them."""
    ask = json_object(body, {"paused", "beginClip", "endClip"}, _wrong)
    if not ask:
        raise _wrong("says one of paused, beginClip and endClip")
    if "paused" in ask and _bool(ask["paused"]) is None:
        raise _wrong(f"paused is {_A_TRUTH}")
    for which in ("beginClip", "endClip"):
        if which in ask and not _text(ask[which]):
            raise _wrong(f"{which} is {_A_TITLE}, and not empty")
    return Mark(ask.get("paused"), ask.get("endClip"), ask.get("beginClip"))


def _bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _seats(value: object) -> int | None:
    return value if is_whole(value, 0, MOST_SEATS) else None


def _days(value: object) -> float | None:
    return float(value) if is_number(value, 0, MOST_DAYS) else None


def _until(value: object) -> float | None:
    return float(value) if is_number(value, 0, FOREVER) and value < FOREVER else None


def _text(value: object) -> str | None:
    return value if _is_text(value, MAX_TITLE) else None


def _labels(value: object) -> dict[str, str] | None:
    if not isinstance(value, dict) or len(value) > MOST_LABELS:
        return None
    are_labels = all(_LABEL.fullmatch(key) and _is_text(text, MAX_LABEL) for key, text in value.items())
    return value if are_labels else None


def _tokens(value: object) -> tuple[bytes, ...] | None:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_TOKENS:
        return None
    if not all(isinstance(token, str) and _TOKEN.fullmatch(token) for token in value):
        return None
    return tuple(token_digest(token.encode()) for token in value)


def _formats(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not value or not all(one in FORMATS for one in value):
        return None
    return tuple(form for form in FORMATS if form in value)


def _file(value: object) -> str | None:
    return value if isinstance(value, str) and _FILE.fullmatch(value) else None


def _is_text(value: object, most: int) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= most and is_plain(value)


_A_TITLE = f"a text of up to {MAX_TITLE} characters without control characters"
_LABELS = (
    f"an object of up to {MOST_LABELS} texts of up to {MAX_LABEL} characters without control characters,"
    " by keys of letters, digits, _, . and -"
)
_A_TRUTH = "true or false"
_TOKENS = f"a list of 1 to {MOST_TOKENS} texts of 16 to 256 visible ASCII characters"
# by its name in JSON: the field of `RoomSettings`, what null means, and what a value must be
_FIELDS: dict[str, tuple[str, Any, Callable[[object], Any], str]] = {
    "seats": ("seats", None, _seats, f"a number up to {MOST_SEATS}; 0: no limit"),
    "publishTokens": ("publish_tokens", (), _tokens, _TOKENS),
    "playTokens": ("play_tokens", (), _tokens, _TOKENS),
    "listed": ("listed", True, _bool, _A_TRUTH),
    "recorded": ("recorded", None, _bool, _A_TRUTH),
    "formats": ("formats", (), _formats, f"a list of {' and '.join(FORMATS)}"),
    "keepDays": ("keep_days", None, _days, f"a number of days up to {MOST_DAYS}; 0: for ever"),
    "stills": ("stills", None, _bool, _A_TRUTH),
    "slate": (
        "slate",
        "",
        _file,
        "the name of a file, of up to 128 letters, digits, _, . and -, which does not begin with .",
    ),
    "title": ("title", "", _text, _A_TITLE),
    "labels": ("labels", {}, _labels, _LABELS),
    "until": ("until", FOREVER, _until, "a Unix time that is to come"),
}


def _wrong(detail: str) -> ServiceError:
    return ServiceError(ErrorCode.INVALID_SETTINGS, detail=detail)
