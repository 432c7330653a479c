"""What a worker announces about itself and its rooms, and the messages that change its state."""

from dataclasses import dataclass, field
from enum import StrEnum

from shared.messages.encoding import Count, Figure, UnixTime

# Packets a second that one core forwards as measured (docs/performance.md).
_PACKETS_OF_A_CORE = 350_000
# The assumed load of a room that its worker has not measured yet.
_ASSUMED_LOAD = 0.02
# Loads that differ by less count as equal, and the sessions decide: the difference is noise.
_STEP = 0.1
_SESSIONS_OF_A_STEP = 1_000_000  # more than a worker ever has


class LayerReason(StrEnum):
    """Why a viewer gets what it gets of a room's picture."""

    FULL = "full"  # the best that there is
    LINE = "line"  # its line carries no more
    CHOICE = "choice"  # it asked for that


class WorkerState(StrEnum):
    READY = "ready"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDrain:
    """Make this worker drain, or cancel that -> `Drained`."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    state: WorkerState
    until: UnixTime = 0.0  # at which the worker stops


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStatus:
    """One layer of a room's picture as one worker sees it."""

    rid: str  # "" if the publisher sends only one
    bitrate: Count = 0  # bits a second; 0: nothing comes
    width: Count = 0  # pixels, of the latest keyframe; 0: not known
    height: Count = 0
    viewers: Count = 0  # that get it now


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStatus:
    """One room as one worker sees it."""

    name: str
    has_publisher: bool
    tracks: Count
    subscribers: Count
    codecs: tuple[str, ...] = ()
    bitrate: Count = 0  # bits a second that the publisher sends
    loss: Figure = 0.0  # share of the publisher's packets that was lost lately, 0 to 1
    delay: Figure = 0.0  # seconds from the capture of its media to this worker; 0: not known
    started_at: UnixTime = 0.0
    rx_bytes: Count = 0  # RTP bytes received from publishers since the room opened
    rx_packets: Count = 0
    warnings: tuple[str, ...] = ()  # for people: what is wrong, for example with the recording
    layers: tuple[LayerStatus, ...] = ()  # of the picture, best first
    viewers_by_reason: dict[str, Count] = field(default_factory=dict)  # by `LayerReason`
    still_at: UnixTime = 0.0  # when its still picture was taken; 0: it has none
    standbys: Count = 0  # who else publishes in it, beside who is on
    standby_on: bool = False  # viewers get a standby, not the room's own publisher
    recording: bool = False  # a file of it is being written
    origin: str = ""  # the worker from which this one gets its copy of the room; empty: the publisher is here
    tier: Count = 0  # how many relays are between the publisher's worker and this one


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """A worker's heartbeat. Its rooms have records of their own (`shared/directory/room_records.py`)."""

    id: str
    state: WorkerState
    http_url: str  # for health, metrics and recordings
    load: Figure = 0.0  # share of one core, 0 to 1
    egress_packets: Figure = 0.0  # packets to viewers a second
    egress_bits: Figure = 0.0  # of these packets, a second
    egress_share: Figure = 0.0  # used share of its WORKER_MAX_EGRESS or of its host's card; 0: not known, too
    sessions: Count = 0
    viewers: Count = 0
    takes_publishers: bool = True  # False: it is at its limit
    takes_viewers: bool = True
    drain_seconds: Figure | None = None  # its DRAIN_SECONDS; None: a worker of an earlier version
    drains_from: UnixTime = 0.0  # when it began to drain
    drains_until: UnixTime = 0.0  # when it ends its remaining sessions
    new_rooms: Count = 0  # so young that `load` does not contain them yet
    rooms_version: str = ""  # of the records of its rooms; the directory fills it in


def burden(status: WorkerStatus) -> int:
    """A worker's burden: the worker with the least gets the next client.

    One more session is 1 more. Load is the used share of the worker's capacity: of its core's time, of the
    packets that a core sends, or of the bits that it may send, whichever is most.
    """
    measured = max(status.load, status.egress_packets / _PACKETS_OF_A_CORE, status.egress_share)
    load = measured + _ASSUMED_LOAD * status.new_rooms
    return int(load / _STEP) * _SESSIONS_OF_A_STEP + status.sessions
