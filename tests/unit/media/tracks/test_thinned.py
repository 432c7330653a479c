"""A thinned track: whole pictures, in a numbering that has gaps only where something is missing."""

import pytest
from msgspec.structs import replace

from media.rtp.packet import RtpPacket
from media.rtp.run import Run
from media.tracks.thinned import MOST_MISSING, Form
from tests.support.runs import indexes, run_of
from tests.support.steps import steps_of
from tests.support.thinned_stream import BEGIN, FIRST, NUMBER, SSRC, stream, taken, thinned

FORMS = list(Form)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_left_out_leaves_no_gap(form: Form) -> None:
    arrivals = stream([4, 2, 3, 1, 2, 2] * 3)
    outs = taken(thinned(form), arrivals)
    assert [sent for sent, _ in outs] == [sent for sent in arrivals if sent.belongs(form)]
    assert [out.first for _, out in outs] == list(range(FIRST, FIRST + len(outs)))
    for sent, out in outs:
        assert (out.track, out.ssrc, out.timestamps()) == (NUMBER, SSRC, sent.packet.timestamps())
        assert out.packets() == sent.packet.packets()


@pytest.mark.parametrize("form", FORMS)
def test_each_packet_of_a_late_run_gets_its_place(form: Form) -> None:
    sent = stream([5, 2, 2, 2])
    late = run_of(*(one.packet.packet(0) for one in sent[1:4]), track=1, ssrc=77, first=sent[1].packet.first)
    track = thinned(form)
    outs = [out for one in [sent[0], *sent[4:]] for out in track.take(one.packet)]
    came = track.take(late)
    assert indexes(came) == [FIRST + 1, FIRST + 2, FIRST + 3]
    assert [run.packet(0).payload[-1] for run in came] == [1, 2, 3]
    assert indexes(outs)[:2] == [FIRST, FIRST + 4]
    assert track.take(late) == []
    assert [track.take(sent[place].packet) for place in (0, 4)] == [[], []]  # what came beside the gap
    track = thinned(form)
    for one in (sent[0], *sent[4:], sent[1]):
        track.take(one.packet)
    assert indexes(track.take(late)) == [FIRST + 2, FIRST + 3]  # whose first one has come


def test_what_was_decided_before_a_stop_is_decided_anew() -> None:
    """Another publisher's timestamps may be the same."""
    track = thinned(Form.KEYFRAMES)
    key, *_, delta = stream([1, 1])
    assert track.take(key.packet)
    track.stop()
    track.start()
    packet = replace(delta.packet.packet(0), timestamp=key.packet.timestamps()[0])
    assert track.take(run_of(packet, track=1, ssrc=77, first=delta.packet.first)) == []


def test_gaps_that_are_kept_free_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.tracks.thinned._GAPS", 3)
    sent = stream([12])
    track = thinned(Form.KEYFRAMES)
    for one in sent[::2]:  # five of them are missing
        track.take(one.packet)
    assert [indexes(track.take(one.packet)) for one in sent[1:10:2]] == [
        [],
        [],
        [FIRST + 5],
        [FIRST + 7],
        [FIRST + 9],
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_long_gap_is_no_more_work_than_a_short_one(form: Form) -> None:
    arrivals = stream([1] * (3 + MOST_MISSING), keyframe_every=1)

    def steps(missing: int) -> int:
        track = thinned(form)
        track.take(arrivals[0].packet)
        return steps_of(lambda: track.take(arrivals[1 + missing].packet))

    assert steps(MOST_MISSING) == steps(1)


def test_pictures_that_are_long_over_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.tracks.thinned._PICTURES", 8)
    track = thinned(Form.LOWEST_LAYER)
    taken(track, stream([1] * 40))
    assert len(track._pictures) == 8


def test_viewers_do_not_wait_for_a_late_packet_of_a_picture_that_is_left_out() -> None:
    arrivals = stream([3, 2, 2])
    late = arrivals.pop(3)
    assert not late.lowest
    outs = taken(thinned(Form.LOWEST_LAYER), [*arrivals, late])
    assert [out.first for _, out in sorted(outs, key=lambda pair: pair[1].first)] == list(
        range(FIRST, FIRST + 6)
    )
    empty = outs[-1][1]
    assert empty.first == FIRST + 3
    packet = empty.packet(0)
    assert (packet.payload, packet.extensions, packet.marker, packet.padding) == (b"", (), False, False)


def test_a_late_packet_between_keyframes_is_left_out() -> None:
    arrivals = [sent for sent in stream([3, 2, 2]) if sent.packet.first - BEGIN not in (2, 3)]
    end, late = stream([3, 2, 2])[2:4]
    outs = taken(thinned(Form.KEYFRAMES), [*arrivals, late, end])
    assert [sent.packet.first - BEGIN for sent, _ in outs] == [0, 1, 2]
    assert [out.first for _, out in outs] == [FIRST, FIRST + 1, FIRST + 2]


@pytest.mark.parametrize("lost", [(5, 6, 9, 10), (3, 4), (4, 5)])
def test_losses_between_keyframes_leave_no_gap_among_them(lost: tuple[int, ...]) -> None:
    """Whole pictures, also beside a keyframe; and the end of one with the beginning of the next."""
    arrivals = [sent for sent in stream([3, 2, 2, 2, 2, 2, 3]) if sent.packet.first - BEGIN not in lost]
    outs = taken(thinned(Form.KEYFRAMES), arrivals)
    assert [out.first for _, out in outs] == list(range(FIRST, FIRST + 6))


def test_a_keyframe_whose_first_packet_comes_late_is_not_torn() -> None:
    arrivals = stream([3, 1, 1, 1, 1, 1, 3])
    late = arrivals.pop(8)
    outs = taken(thinned(Form.KEYFRAMES), [*arrivals, late])
    assert {sent.picture for sent, _ in outs} == {0}


def test_an_outage_leaves_no_gap_but_a_short_one() -> None:
    arrivals = stream([2, *[2] * MOST_MISSING, 2], keyframe_every=MOST_MISSING + 1)
    for missing, kept_free in ((MOST_MISSING, MOST_MISSING), (MOST_MISSING + 1, 0)):
        track, after = thinned(Form.LOWEST_LAYER), arrivals[2 + missing]
        outs = taken(track, [*arrivals[:2], after])
        assert track.next_index == FIRST + 2 + kept_free + after.lowest
        assert len(outs) == 2 + after.lowest


@pytest.mark.parametrize("form", FORMS)
def test_after_a_pause_it_goes_on_with_indexes_that_were_never_used(form: Form) -> None:
    track = thinned(form)
    arrivals = stream([4, 2, 2, 2, 2, 2, 4])
    late = arrivals.pop(1)
    before = taken(track, arrivals[:5])
    track.stop()
    assert not track.active
    track.start()
    assert track.active
    after = taken(track, [*arrivals[-4:], late])
    assert [out.first for _, out in after] == list(range(FIRST + 4, FIRST + 8))
    assert before[-1][1].first == FIRST + 3


def test_another_publisher_may_have_another_codec() -> None:
    track = thinned(Form.KEYFRAMES)
    track.base.publish("H264", deaf=False)
    idr = RtpPacket(False, True, 96, 1, 0, 1, (), b"\x65\x88")
    assert len(track.take(run_of(idr, track=1, ssrc=77, first=BEGIN))) == 1


def test_without_temporal_layers_all_is_passed() -> None:
    track = thinned(Form.LOWEST_LAYER, "H264")
    packets = [RtpPacket(False, True, 96, n, n, 1, (), b"\x41\x9a") for n in range(5)]
    outs = track.take(run_of(*packets, track=1, ssrc=77, first=BEGIN))
    assert indexes(outs) == list(range(FIRST, FIRST + 5))


def test_a_packet_that_comes_twice_is_passed_once() -> None:
    track = thinned(Form.LOWEST_LAYER)
    arrivals = stream([2, 2, 2])
    assert len(taken(track, [one for one in arrivals for _ in range(2)])) == 4
    assert track.next_index == FIRST + 4


@pytest.mark.parametrize(("form", "left"), [(Form.LOWEST_LAYER, 0.75), (Form.KEYFRAMES, 0.5)])
def test_the_share_that_is_left_is_measured_in_bytes(form: Form, left: float) -> None:
    track = thinned(form)
    track.stop()
    assert track.share() == 1.0
    for sent in stream([4, 1, 1, 1, 1]):
        track.base.keep(sent.packet, 1.0)
    assert track.share() == left


def test_a_viewer_of_all_layers_may_come_over_between_pictures() -> None:
    track = thinned(Form.LOWEST_LAYER)
    assert not track.between_pictures  # nobody knows
    seen = []
    for sent in stream([2, 1, 3]):
        track.take(sent.packet)
        seen.append(track.between_pictures)
    assert seen == [False, True, True, False, False, True]
    track.stop()
    assert not track.between_pictures
    track.take(run_of(*(sent.packet.packet(0) for sent in stream([2])), track=1, ssrc=77, first=BEGIN))
    assert track.between_pictures


def vp9(first: int, layer: int, *, end: bool = True) -> Run:
    """A packet of one layer of a picture, `layer` with TID and U (RFC 9628 4.2)."""
    payload = bytes((0x79, layer, 0x01))
    packet = RtpPacket(False, end, 96, first, 3000 * first, 1, (), payload)
    return run_of(packet, track=1, ssrc=77, first=first)


def test_a_viewer_may_get_all_layers_behind_a_picture_that_they_may_follow() -> None:
    track = thinned(Form.LOWEST_LAYER, "VP9")
    frames = [0x10, 0x30, 0x10, 0x30, 0x00, 0x30]  # U is missing in the fifth one
    seen = []
    for place, layer in enumerate(frames):
        track.take(vp9(10 + place, layer))
        seen.append(track.whole_from)
    assert seen == [None, None, 13, None, None, None]  # at first it is unknown that there are layers


def test_a_viewer_does_not_get_all_layers_in_the_middle_of_a_picture_or_behind_a_gap() -> None:
    track = thinned(Form.LOWEST_LAYER, "VP9")
    track.take(vp9(10, 0x30))
    track.take(vp9(11, 0x10, end=False))
    assert track.whole_from is None
    track.take(vp9(13, 0x30))
    track.take(vp9(15, 0x10))
    assert track.whole_from is None
    track.take(vp9(16, 0x10))
    assert track.whole_from == 17


def test_a_picture_that_was_left_out_may_be_the_first_of_all_layers() -> None:
    track = thinned(Form.LOWEST_LAYER)

    def vp8(index: int, picture: int, flags: int, *, start: bool = True) -> Run:
        """`flags` are TID and Y (RFC 7741 4.2)."""
        payload = bytes((0x90 if start else 0x80, 0x20, flags, 0x01))
        packet = RtpPacket(False, not start, 96, index, 3000 * picture, 1, (), payload)
        return run_of(packet, track=1, ssrc=77, first=index)

    pictures = [0x00, 0x40, 0x00, 0x60, 0x00]  # Y of the second one in layer 1
    seen = []
    for picture, flags in enumerate(pictures):
        for place in range(2):
            track.take(vp8(2 * picture + place, picture, flags, start=place == 0))
            seen.append(track.whole_from)
    assert seen == [None, None, None, None, None, None, 6, 6, None, None]


def test_all_pictures_may_follow_a_keyframe() -> None:
    track = thinned(Form.KEYFRAMES)
    seen = []
    for sent in stream([2, 1, 1]):
        track.take(sent.packet)
        seen.append(track.whole_from)
    assert seen == [None, BEGIN + 2, None, None]


@pytest.mark.parametrize("form", FORMS)
def test_a_run_is_thinned_as_its_packets_are(form: Form) -> None:
    arrivals = stream([4, 2, 3, 1, 2, 2] * 3)
    singly = [packet for _, out in taken(thinned(form), arrivals) for packet in out.packets()]
    packets = [sent.packet.packet(0) for sent in arrivals]
    outs = thinned(form).take(run_of(*packets, track=1, ssrc=77, first=arrivals[0].packet.first))
    assert [packet for out in outs for packet in out.packets()] == singly
    assert indexes(outs) == list(range(FIRST, FIRST + len(singly)))
    assert len(outs) < len(singly)
