"""What is set for a room, parsed; raises `INVALID_SETTINGS` with what is wrong.

Texts have no control characters, so that they fit into a line of a log, and no half of a surrogate pair.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from msgspec import Meta, ValidationError, convert

from control.access.plain_tokens import token_digest
from control.http.json_object import json_object
from shared.errors import ErrorCode, ServiceError
from shared.messages.room_settings import FOREVER, Clip, RecordingNote

MOST_SEATS = 1_000_000
MOST_TOKENS = 4  # of one room for one action: two while one is replaced by another
MAX_TITLE = 200  # characters
MOST_LABELS = 16
MAX_LABEL = 256  # characters
MOST_CLIPS = 50  # of one recording
MOST_DAYS = 36_500
FORMATS = ("tracks", "mux")

_PLAIN = r"^[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*\Z"
_Title = Annotated[str, Meta(max_length=MAX_TITLE, pattern=_PLAIN)]
_Label = Annotated[str, Meta(max_length=MAX_LABEL, pattern=_PLAIN)]
_Labels = Annotated[
    dict[Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")], _Label], Meta(max_length=MOST_LABELS)
]
_Token = Annotated[str, Meta(pattern=r"^[!-~]{16,256}\Z")]
_Tokens = Annotated[list[_Token], Meta(min_length=1, max_length=MOST_TOKENS)]
# it leads out of no folder
_File = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\Z")]

_A_TITLE = f"a text of up to {MAX_TITLE} characters without control characters"
_LABELS = (
    f"an object of up to {MOST_LABELS} texts of up to {MAX_LABEL} characters without control characters,"
    " by keys of letters, digits, _, . and -"
)
_A_TRUTH = "true or false"
_TOKENS = f"a list of 1 to {MOST_TOKENS} texts of 16 to 256 visible ASCII characters"
_UNTIL = "a Unix time that is to come"
# by its name in JSON: the field of `RoomSettings`, what null means, and what a value must be
_FIELDS: dict[str, tuple[str, Any, Any, str]] = {
    "seats": (
        "seats",
        None,
        Annotated[int, Meta(ge=0, le=MOST_SEATS)],
        f"a number up to {MOST_SEATS}; 0: no limit",
    ),
    "publishTokens": ("publish_tokens", (), _Tokens, _TOKENS),
    "playTokens": ("play_tokens", (), _Tokens, _TOKENS),
    "listed": ("listed", True, bool, _A_TRUTH),
    "recorded": ("recorded", None, bool, _A_TRUTH),
    "formats": (
        "formats",
        (),
        Annotated[list[Literal["tracks", "mux"]], Meta(min_length=1)],
        f"a list of {' and '.join(FORMATS)}",
    ),
    "keepDays": (
        "keep_days",
        None,
        Annotated[float, Meta(ge=0, le=MOST_DAYS)],
        f"a number of days up to {MOST_DAYS}; 0: for ever",
    ),
    "stills": ("stills", None, bool, _A_TRUTH),
    "slate": (
        "slate",
        "",
        _File,
        "the name of a file, of up to 128 letters, digits, _, . and -, which does not begin with .",
    ),
    "title": ("title", "", _Title, _A_TITLE),
    "labels": ("labels", {}, _Labels, _LABELS),
    "until": ("until", FOREVER, Annotated[float, Meta(ge=0, lt=FOREVER)], _UNTIL),
}


def parse_settings(body: bytes, now: float) -> dict[str, Any]:
    """The fields of `RoomSettings` that are set; null sets what the environment says. `now`: Unix time."""
    fields: dict[str, Any] = {}
    for name, value in json_object(body, _FIELDS, _wrong).items():
        field, default, kind, meaning = _FIELDS[name]
        fields[field] = default if value is None else _checked(name, value, kind, meaning)
    if "until" in fields and fields["until"] <= now:
        raise _wrong(f"until is {_UNTIL}")
    for field in fields.keys() & {"publish_tokens", "play_tokens"}:
        fields[field] = tuple(token_digest(token.encode()) for token in fields[field])
    if "formats" in fields:
        fields["formats"] = tuple(form for form in FORMATS if form in fields["formats"])
    return fields


def parse_note(body: bytes) -> RecordingNote:
    """`{"name", "labels"}` of a recording that is asked for, or nothing."""
    ask = json_object(body, {"name", "labels"}, _wrong) if body.strip() else {}
    return RecordingNote(
        name=_checked("name", ask.get("name", ""), _Title, _A_TITLE),
        labels=_checked("labels", ask.get("labels", {}), _Labels, _LABELS),
    )


def _checked(name: str, value: object, kind: Any, meaning: str) -> Any:
    try:
        return convert(value, kind)
    except (ValidationError, ValueError):
        raise _wrong(f"{name} is {meaning}") from None


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
    if "paused" in ask:
        _checked("paused", ask["paused"], bool, _A_TRUTH)
    for which in ask.keys() & {"beginClip", "endClip"}:
        if not _checked(which, ask[which], _Title, f"{_A_TITLE}, and not empty"):
            raise _wrong(f"{which} is {_A_TITLE}, and not empty")
    return Mark(ask.get("paused"), ask.get("endClip"), ask.get("beginClip"))


def _wrong(detail: str) -> ServiceError:
    return ServiceError(ErrorCode.INVALID_SETTINGS, detail=detail)
