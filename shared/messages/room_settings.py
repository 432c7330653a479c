"""What is set for single rooms. What a room does not say, the environment says for all."""

from dataclasses import dataclass, field

from shared.messages.encoding import Count, Figure, UnixTime

FOREVER = float(2**36 - 1)  # the last `UnixTime`


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A part of a recording that somebody marked. `end` None: it goes on."""

    name: str
    begin: UnixTime
    end: UnixTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingNote:
    """What somebody who asked for a recording calls it, and marked in it; webhooks tell it.

    While it is `paused` nothing is recorded.
    """

    name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    paused: bool = False
    clips: tuple[Clip, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSettings:
    """The settings of one room. None, or nothing: as the environment says.

    Tokens are digests. At `until` the room ends, and its settings too.
    """

    room: str
    until: UnixTime = FOREVER
    seats: Count | None = None  # viewers at most; 0: any number
    publish_tokens: tuple[bytes, ...] = ()
    play_tokens: tuple[bytes, ...] = ()
    listed: bool = True
    recorded: bool | None = None
    formats: tuple[str, ...] = ()  # of its next recording
    note: RecordingNote | None = None  # of the recording that was asked for
    keep_days: Figure | None = None  # for which recordings stay on the disk; 0: for ever
    stills: bool | None = None
    slate: str = ""  # the name of a file, which stands by in the room
    title: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    by: str = ""  # who said so last, for operators
    lifted: bool = False

    @property
    def name(self) -> str:
        return self.room


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowSettings:
    """Read the settings of rooms now, and do what they say -> `SettingsFollowed`.

    `data` are those of `room`, as Redis has them: Redis may lose them before they are read.
    """

    room: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFollowed:
    pass
