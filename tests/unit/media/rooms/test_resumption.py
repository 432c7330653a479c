from types import SimpleNamespace
from typing import Any

from media.rooms.resumption import MOST_SECONDS, PAUSE_SECONDS, Resumption
from media.rtp.packet import parse
from media.rtp.sequence import SequenceTranslator
from media.tracks.source_track import SourceTrack
from tests.support.far_end import rtp

STEP = 1 / 30


class Encoder:
    """Thirty pictures a second. It was on; now another one is, which has sent in time since."""

    def __init__(self) -> None:
        self.now, self.media = 100.0, 0xFFFFFFFF - 90_000  # its timestamps wrap
        self.room, self.own = self._track(777), self._track(123)
        self.send_into(self.room)
        self.it = Resumption(self.now, [self.room])

    def _track(self, timestamp: int) -> Any:
        return SimpleNamespace(
            source=SourceTrack(96, 90_000, SequenceTranslator(1, timestamp)), place=("video", 0)
        )

    def send_into(self, track: Any) -> None:
        source = track.source
        packet = parse(rtp(source.translator.expected, timestamp=self.media & 0xFFFFFFFF))
        if source.stats is None:
            source.follow(packet, self.now)
        source.translator.translate(packet.sequence, [packet.timestamp])
        source.last_received = self.now

    def pause(self, seconds: float, *, jumps: bool = False) -> None:
        """It goes on with what it kept, or `jumps` to the present."""
        self.now += seconds
        self.media += round(seconds * 90_000) * jumps

    def send(self, seconds: float, pace: float = 1.0) -> bool:
        """Returns whether the last picture is late."""
        late = False
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            self.media += round(STEP * pace * 90_000)
            self.send_into(self.own)
            late = self.it.note_media([self.own], self.now)
        return late


def test_what_was_kept_in_a_pause_is_late_until_it_has_all_come() -> None:
    encoder = Encoder()
    encoder.pause(2)
    assert encoder.send(1, pace=1.2)  # it lacks time itself
    assert encoder.send(0.5, pace=3)
    assert not encoder.send(0.5, pace=3)
    assert not encoder.send(1, pace=0)  # that is no pause


def test_who_goes_on_with_the_present_is_in_time_at_once() -> None:
    encoder = Encoder()
    encoder.pause(2, jumps=True)
    assert not encoder.send(STEP)


def test_after_a_short_pause_nothing_note_media() -> None:
    encoder = Encoder()
    encoder.pause(PAUSE_SECONDS - 2 * STEP)
    assert not encoder.send(STEP)


def test_another_stream_has_a_time_of_its_own() -> None:
    encoder = Encoder()
    encoder.pause(2)
    encoder.send_into(encoder.own)
    encoder.own.source.stats.ssrc += 1
    assert not encoder.send(STEP)


def test_a_clock_that_stood_still_keeps_nobody_away_for_good() -> None:
    encoder = Encoder()
    encoder.pause(2)
    assert encoder.send(MOST_SECONDS - 2 * STEP)
    assert not encoder.send(4 * STEP)
    assert not encoder.send(1)


def test_the_room_knows_its_time_when_it_is_on_again() -> None:
    encoder = Encoder()
    before = encoder.room.source.time
    encoder.room.source = encoder._track(1).source
    encoder.it.begin()
    assert encoder.room.source.resumes == before is not None


def test_who_was_never_on_is_not_late() -> None:
    encoder = Encoder()
    encoder.it = Resumption(encoder.now)
    encoder.pause(2)
    assert not encoder.send(STEP)
