"""A writer with a stream to record; the test makes the time."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from media.negotiation.agreed_tracks import RoomTrack
from media.recording.limits import ChangeAllowance, Limits
from media.recording.writer import Writer
from media.rtp.run import Run
from media.tracks.source_report import SourceReport
from shared.names import RoomName
from shared.records.record_name import RecordName, parse_record_name
from tests.support.rtp_source import Numbering, Sent, merged
from tests.support.sdp import codec

TICK_SECONDS = 0.1


class Ledger:
    """Notes what a writer says about its files."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.done: list[str] = []

    def began(self, name: str, arrived: float) -> None:
        self.open.add(name)

    def noted(self) -> None:
        pass

    def finished(self, name: str) -> None:
        self.open.remove(name)
        self.done.append(name)


def room_tracks(*names: str, layers: Mapping[int, int] = MappingProxyType({})) -> list[RoomTrack]:
    """Tracks with these codecs; `layers` are the ranks of those that are no best layer, by their places."""
    return [
        RoomTrack(
            kind="audio" if name in ("opus", "PCMU") else "video",
            codec=codec(name),
            extensions=(),
            ssrc=1 + number,
            layer=layers.get(number, 0),
        )
        for number, name in enumerate(names)
    ]


def new_writer(
    folder: Path,
    *names: str,
    forms: Iterable[str] = ("tracks", "mux"),
    limits: Limits | None = None,
    ledger: Ledger | None = None,
    layers: Mapping[int, int] = MappingProxyType({}),
) -> Writer:
    """A writer for the room `demo`; tracks as in `room_tracks`."""
    return Writer(
        RoomName("demo"),
        room_tracks(*names, layers=layers),
        folder,
        forms,
        limits or Limits(),
        ChangeAllowance(RoomName("demo")),
        ledger or Ledger(),
    )


class Stage:
    """Plays packets to a writer; `now` advances with them, and the writer is ticked as the worker does it."""

    def __init__(self, writer: Writer, tracks: int) -> None:
        self.writer = writer
        self.numberings = [Numbering(track, index=1_000 * (track + 1)) for track in range(tracks)]
        self.now = 0.0
        self._reported: set[int] = set()
        self._ticked = 0.0

    def play(
        self,
        *tracks: Sequence[Sent],
        delays: Sequence[float] = (),
        reports: bool = True,
    ) -> None:
        """`delays` of a track's packets on their way, in seconds.

        A sender report comes with the first packet of each track, if the publisher sends `reports`.
        """
        late = list(delays) or [0.0] * len(tracks)
        arriving = sorted(
            ((sent.at + late[track], number, track, sent))
            for number, (track, sent) in enumerate(merged(*tracks))
        )
        for at, _, track, sent in arriving:
            self.until(at)
            packet = self.numberings[track].run(sent.data)
            self.writer.take(packet, at)
            if reports and track not in self._reported:
                self._reported.add(track)
                self.report(track, packet, sent.at)

    def report(self, track: int, packet: Run, taken: float) -> None:
        """Have the publisher say when the packet's media was taken, by a clock of its own."""
        said = SourceReport(1, 4_000.0 + taken, packet.timestamps()[0], packet.shift)
        self.writer.report(track, said)

    def until(self, now: float) -> None:
        """Let time pass."""
        while self._ticked + TICK_SECONDS <= now:
            self._ticked += TICK_SECONDS
            self.writer.tick(self._ticked)
        self.now = max(self.now, now)


def name_of(text: str) -> RecordName:
    """The name of a recording, as this text has it."""
    name = parse_record_name(text)
    assert name is not None
    return name


def by_suffix(folder: Path) -> dict[str, list[Path]]:
    """A folder's recordings, oldest first."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            found.setdefault(path.suffix[1:], []).append(path)
    return found
