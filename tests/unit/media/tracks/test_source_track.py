"""Which packets belong to a track as its publisher sends it."""

import pytest
from msgspec.structs import replace

from media.negotiation.agreed_tracks import NONE_LEFT_OUT
from media.rtp.packet import RtpPacket, parse
from media.rtp.red import Earlier
from media.rtp.sequence import SequenceTranslator
from media.tracks.keyframe_gate import KeyframeGate
from media.tracks.layer_ids import LayerIds, PictureIds
from media.tracks.nack_generator import NackGenerator
from media.tracks.source_track import SOURCE_SILENT_SECONDS, SourceTrack, StreamTime
from tests.support.far_end import one_byte, rtp
from tests.support.runs import run_of

SSRC, OTHER, RTX = 7, 8, 9
RID_ID = 4


def track(**how: object) -> SourceTrack:
    return SourceTrack(96, 90_000, SequenceTranslator(1, 0), **how)  # type: ignore[arg-type]


def packet(sequence: int = 1, ssrc: int = SSRC, *extensions: tuple[int, bytes], **how: int) -> RtpPacket:
    return parse(rtp(sequence, ssrc=ssrc, extension=one_byte(*extensions) if extensions else None, **how))


def test_another_source_takes_over_when_the_present_one_is_silent() -> None:
    ids = LayerIds(PictureIds(), "VP8", 0)
    source = track(gate=KeyframeGate("VP8"), ids=ids)
    assert source.follow(packet(), 10.0)
    before = source.time
    assert before is not None
    ids.renumber(run_of(packet(payload=b"\x90\x80\x85\x05\0\0")))  # type: ignore[arg-type]
    assert ids._newest == 0
    source.heard_at = source.last_received = 10.0
    assert not source.follow(packet(ssrc=OTHER), 10.0 + SOURCE_SILENT_SECONDS - 0.01)
    assert source.stats is not None
    assert source.stats.ssrc == SSRC
    assert source.follow(packet(ssrc=OTHER), 10.0 + SOURCE_SILENT_SECONDS)
    assert source.stats.ssrc == OTHER
    assert ids._newest is None  # its pictures have other numbers, ...
    assert (source.gate.closed, source.time) == (True, None)  # ... and it is off until its first keyframe
    source.resumes = before
    assert source.time == before


def test_a_stream_that_goes_on_elsewhere_passes_at_once_and_what_is_lost_at_first_is_requested() -> None:
    source = track(gate=KeyframeGate("VP8"), nack=NackGenerator(), last_received=10.0)
    source.rejoin(500, 0, 1, 0)
    assert source.follow(packet(502), 11.0)
    assert not source.gate.closed
    assert source.translator.translate(502, (0,)) == (3, 0)
    assert source.nack is not None
    source.nack.received(502, 11.0)
    assert [source.nack.is_missing(number) for number in (499, 500, 501)] == [False, True, True]
    source.heard_at = 11.0
    assert source.follow(packet(1, OTHER), 11.0 + SOURCE_SILENT_SECONDS)
    assert source.gate.closed  # that is another one


@pytest.mark.parametrize(
    ("extensions", "follows"),
    [
        ((), True),  # a publisher names its layers in the first packets only
        (((RID_ID, b"hi"),), True),
        (((RID_ID, b"lo"),), False),
        (((RID_ID + 1, b"lo"),), True),
        (((RID_ID + 1, b"hi"), (RID_ID, b"lo")), False),
        (((RID_ID + 1, b"lo"), (RID_ID, b"hi")), True),
    ],
)
def test_a_source_that_names_another_layer_does_not_take_over(
    extensions: tuple[tuple[int, bytes], ...], follows: bool
) -> None:
    assert track(rid=b"hi", rid_extension=RID_ID).follow(packet(1, SSRC, *extensions), 10.0) is follows
    assert track(rid_extension=RID_ID).follow(packet(1, SSRC, *extensions), 10.0)  # it has no name


def test_another_source_is_numbered_as_far_behind_as_it_came() -> None:
    source = track(nack=NackGenerator())
    source.follow(packet(500, timestamp=1000), 10.0)
    assert source.translator.translate(500, [1000]) == (1, 0xFFFFFFFF & -1000)
    source.last_received = 10.0
    former = source.nack
    source.follow(packet(7, OTHER, timestamp=50), 12.0)
    assert source.nack is not former
    assert source.translator.translate(7, [50]) == (2, 0xFFFFFFFF & 2 * 90_000 - 50)


def test_it_expects_the_next_packet_of_its_stream_alone() -> None:
    source = track()
    assert not source.expects(SSRC, 96, 1)
    source.follow(packet(1), 10.0)
    assert source.expects(SSRC, 96, 1)
    assert not source.expects(OTHER, 96, 1)
    assert not source.expects(SSRC, 97, 1)
    assert not source.expects(SSRC, 96, 2)
    source.nack = NackGenerator()
    assert not source.expects(SSRC, 96, 1)
    source.nack.received(0, 10.0)
    assert source.expects(SSRC, 96, 1)
    source.gate.closed = True
    assert not source.expects(SSRC, 96, 1)


def repair(sequence: int) -> RtpPacket:
    return packet(1, RTX, payload=sequence.to_bytes(2) + b"again")  # type: ignore[arg-type]


def test_a_repair_is_taken_if_it_is_of_this_track() -> None:
    source = track(repairs={RTX: SSRC})
    assert source.original(repair(5)) is None  # nothing has come yet
    source.follow(packet(), 10.0)
    original = source.original(repair(5))
    assert original is not None
    assert (original.sequence, original.ssrc, original.payload_type) == (5, SSRC, 96)
    assert original.payload == b"again"
    assert source.original(packet(1, RTX, payload=b"x")) is None  # type: ignore[arg-type]
    source.repairs = {RTX: OTHER}
    assert source.original(repair(5)) is None


def test_a_repair_of_an_unknown_stream_is_taken_if_its_packet_is_missing() -> None:
    source = track()
    source.follow(packet(), 10.0)
    assert source.original(repair(2)) is None
    source.nack = NackGenerator()
    source.nack.received(1, 10.0)
    source.nack.received(3, 10.0)
    assert source.original(repair(2)) is not None
    assert source.original(repair(3)) is None


def test_it_goes_on_where_the_track_before_it_stopped() -> None:
    former, source = track(), track()
    former.last_received, former.last_timestamp = 10.0, 77
    source.succeed(former)
    assert source.translator is former.translator
    assert (source.last_received, source.last_timestamp) == (10.0, 77)
    assert source.left_out is NONE_LEFT_OUT


@pytest.mark.parametrize("room", [0, 2**32 - 960])
@pytest.mark.parametrize(
    ("missing", "earlier", "restored"),
    [
        (0, (480,), ()),
        (1, (960,), (960,)),
        (1, (1920, 960), (960,)),
        (1, (960, 480), (480,)),  # no more than are missing
        (2, (2880, 1920, 960), (1920, 960)),  # the first of them has come
        (2, (2880,), ()),
        (0x7FFF, (960,), (960,)),
        (0x8000, (960,), ()),  # that comes late itself
        (0xFFFF, (960,), ()),
    ],
)
def test_what_is_missing_before_redundant_sound_is_restored(
    room: int, missing: int, earlier: tuple[int, ...], restored: tuple[int, ...]
) -> None:
    source = SourceTrack(111, 48_000, SequenceTranslator(1, room))
    source.follow(packet(0xFFFE, timestamp=-1001), 10.0)
    source.translator.translate(0xFFFE, [0xFFFFFFFF & -1001])
    primary = packet(0xFFFF + missing & 0xFFFF, timestamp=-1001 + 960 * (missing + 1))
    found = source.restored(primary, [Earlier(offset, bytes((offset // 480,))) for offset in earlier])
    assert found == [
        replace(
            primary,
            sequence=primary.sequence - len(restored) + place & 0xFFFF,
            timestamp=primary.timestamp - offset & 0xFFFFFFFF,
            payload=bytes((offset // 480,)),
        )
        for place, offset in enumerate(restored)
    ]


class Handover:
    """A stream is on, another one from 1 s later on, and then the first one again."""

    def __init__(self) -> None:
        self.source = track()
        self.now = 10.0
        self.begin(SSRC, 7)
        self.before = self.source.time

    def begin(self, ssrc: int, timestamp: int, resumes: StreamTime | None = None) -> int:
        """Returns how much later than what came last it plays, in milliseconds."""
        last, former = self.source.translator.latest_timestamp, self.source
        self.source = track(resumes=resumes)
        self.source.succeed(former)
        self.source.follow(packet(1, ssrc, timestamp=timestamp), self.now)
        if self.source.gate.closed:
            self.source.go_on(packet(1, ssrc, timestamp=timestamp), self.now)  # its keyframe
        self.source.translator.translate(1, [timestamp])
        self.source.last_received = self.now
        return (self.source.translator.latest_timestamp - last & 0xFFFFFFFF) // 90

    def again(self, late: float) -> int:
        """The first one goes on so many seconds late, 100 ms after the last picture of the second one."""
        self.now = 11.0
        assert self.begin(OTHER, 5) == 1000
        self.now = 11.1
        return self.begin(SSRC, 7 + round((1.1 - late) * 90_000), self.before)


@pytest.mark.parametrize(
    ("late", "after"),
    [
        (0.0, 100),
        (0.05, 50),  # what it still catches up does not put it ahead
        (-0.05, 150),
        (0.3, 1),  # time never goes back
        (-5.0, 100),  # its clock has jumped
    ],
)
def test_who_was_on_before_goes_on_in_the_time_that_it_had(late: float, after: int) -> None:
    assert Handover().again(late) == after


@pytest.mark.parametrize("ssrc", [SSRC, OTHER])
@pytest.mark.parametrize("later", [-1, 0, 1])
def test_of_two_times_that_a_stream_had_the_earlier_counts(ssrc: int, later: int) -> None:
    source = track()
    source.follow(packet(), 10.0)
    present = source.time
    assert present is not None
    source.resumes = StreamTime(ssrc, present.offset - later & 0xFFFFFFFF)
    assert source.time == (source.resumes if ssrc == SSRC and later > 0 else present)


def test_delays_do_not_add_up() -> None:
    handover = Handover()
    handover.again(late=0.3)
    assert handover.source.time == handover.before == StreamTime(SSRC, 2**32 - 7)
