"""A thinned track: whole pictures, in a numbering that has gaps only where something is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.packet import RtpPacket
from media.rtp.sequence import SequenceTranslator
from media.tracks.outgoing import Outgoing
from media.tracks.sent_track import SentTrack
from media.tracks.thinned import MOST_MISSING, Form, Thinned

NUMBER, SSRC, FIRST = 3, 0xABCDEF, 500
BEGIN = 0xFFF0  # of the other track: its sequence numbers wrap soon
FORMS = list(Form)


@dataclass(frozen=True)
class Sent:
    """One packet of a stream of VP8 with two temporal layers."""

    packet: Outgoing
    picture: int
    keyframe: bool
    lowest: bool

    def belongs(self, form: Form) -> bool:
        return self.keyframe if form is Form.KEYFRAMES else self.lowest


def stream(sizes: Sequence[int], keyframe_every: int = 6, begin: int = BEGIN) -> list[Sent]:
    """Pictures of so many packets each; those with odd numbers are in layer 1."""
    sent = []
    for picture, size in enumerate(sizes):
        keyframe = picture % keyframe_every == 0
        layer = 0 if keyframe else picture % 2
        for place in range(size):
            first = 0x90 if place == 0 else 0x80  # RFC 7741 4.2: X; S
            payload = bytes((first, 0x20, layer << 6, 0x00 if keyframe else 0x01, place))
            extended = begin + len(sent)
            packet = RtpPacket(
                False, place == size - 1, 96, extended & 0xFFFF, picture * 3000, 1, ((5, b"x"),), payload
            )
            sent.append(
                Sent(Outgoing(1, 77, extended, picture * 3000, packet), picture, keyframe, layer == 0)
            )
    return sent


def thinned(form: Form, codec: str = "VP8") -> Thinned:
    base = SentTrack(77, join_burst="off")
    base.publish(codec, deaf=False)
    track = Thinned(NUMBER, SSRC, form, FIRST, base)
    track.start()
    return track


def taken(track: Thinned, arrivals: Sequence[Sent]) -> list[tuple[Sent, Outgoing]]:
    pairs = ((sent, track.take(sent.packet)) for sent in arrivals)
    return [(sent, out) for sent, out in pairs if out is not None]


def contents(outs: Sequence[tuple[Sent, Outgoing]]) -> list[tuple[int, bytes]]:
    """By index: what a viewer can put together."""
    return sorted((out.extended, out.packet.payload) for _, out in outs)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_left_out_leaves_no_gap(form: Form) -> None:
    arrivals = stream([4, 2, 3, 1, 2, 2] * 3)
    outs = taken(thinned(form), arrivals)
    assert [sent for sent, _ in outs] == [sent for sent in arrivals if sent.belongs(form)]
    assert [out.extended for _, out in outs] == list(range(FIRST, FIRST + len(outs)))
    for sent, out in outs:
        assert (out.track, out.ssrc, out.timestamp) == (NUMBER, SSRC, sent.packet.timestamp)
        assert out.packet is sent.packet.packet


@pytest.mark.parametrize("form", FORMS)
def test_a_late_packet_gets_its_place(form: Form) -> None:
    arrivals = stream([4, 2, 2, 2])
    late = arrivals.pop(2)  # of the keyframe
    before = taken(thinned(form), [*arrivals[:5], late, *arrivals[5:]])
    in_order = taken(thinned(form), stream([4, 2, 2, 2]))
    assert contents(before) == contents(in_order)


def test_a_picture_of_the_lowest_layer_that_is_late_as_a_whole_gets_its_place() -> None:
    arrivals = stream([1, 1, 1, 1, 1])
    late = arrivals.pop(2)
    assert late.lowest
    outs = taken(thinned(Form.LOWEST_LAYER), [*arrivals, late])
    assert contents(outs) == contents(taken(thinned(Form.LOWEST_LAYER), stream([1, 1, 1, 1, 1])))


def test_viewers_do_not_wait_for_a_late_packet_of_a_picture_that_is_left_out() -> None:
    arrivals = stream([3, 2, 2])
    late = arrivals.pop(3)
    assert not late.lowest
    outs = taken(thinned(Form.LOWEST_LAYER), [*arrivals, late])
    assert [out.extended for _, out in sorted(outs, key=lambda pair: pair[1].extended)] == list(
        range(FIRST, FIRST + 6)
    )
    empty = outs[-1][1]
    assert empty.extended == FIRST + 3
    assert empty.packet.payload == b""
    assert (empty.packet.extensions, empty.packet.marker, empty.packet.padding) == ((), False, False)


def test_losses_between_keyframes_leave_no_gap_among_them() -> None:
    arrivals = [sent for sent in stream([3, 2, 2, 2, 2, 2, 3]) if sent.picture not in (2, 4)]
    outs = taken(thinned(Form.KEYFRAMES), arrivals)
    assert [out.extended for _, out in outs] == list(range(FIRST, FIRST + 6))


def test_a_keyframe_whose_first_packet_comes_late_is_not_torn() -> None:
    arrivals = stream([3, 1, 1, 1, 1, 1, 3])
    late = arrivals.pop(8)
    outs = taken(thinned(Form.KEYFRAMES), [*arrivals, late])
    assert {sent.picture for sent, _ in outs} == {0}


def test_an_outage_leaves_no_gap() -> None:
    arrivals = stream([2, *[2] * MOST_MISSING, 2], keyframe_every=MOST_MISSING + 1)
    outs = taken(thinned(Form.LOWEST_LAYER), [*arrivals[:2], *arrivals[-2:]])
    assert [out.extended for _, out in outs] == list(range(FIRST, FIRST + 4))


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
    assert [out.extended for _, out in after] == list(range(FIRST + 4, FIRST + 8))
    assert before[-1][1].extended == FIRST + 3


def test_another_publisher_may_have_another_codec() -> None:
    track = thinned(Form.KEYFRAMES)
    track.base.publish("H264", deaf=False)
    idr = RtpPacket(False, True, 96, 1, 0, 1, (), b"\x65\x88")
    assert track.take(Outgoing(1, 77, BEGIN, 0, idr)) is not None


def test_without_temporal_layers_all_is_passed() -> None:
    track = thinned(Form.LOWEST_LAYER, "H264")
    packets = [RtpPacket(False, True, 96, n, n, 1, (), b"\x41\x9a") for n in range(5)]
    outs = [track.take(Outgoing(1, 77, BEGIN + n, n, one)) for n, one in enumerate(packets)]
    assert None not in outs


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


# --- whatever the line does


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Sent], list[Sent]]:
    """A stream, and what of it arrives: some packets late, some never, some twice."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=40))
    sent = stream(sizes, draw(st.integers(1, 8)), draw(st.integers(0, 0x1FFFF)))
    fates = draw(st.lists(st.sampled_from("....0123x2"), min_size=len(sent), max_size=len(sent)))
    delays = draw(st.lists(st.integers(1, 25), min_size=len(sent), max_size=len(sent)))
    timed: list[tuple[float, Sent]] = []
    for place, (one, fate, delay) in enumerate(zip(sent, fates, delays, strict=True)):
        if fate == "x":
            continue
        timed.append((place + (delay + 0.5 if fate == "3" else 0), one))
        if fate == "2":
            timed.append((place + delay + 0.25, one))
    timed.sort(key=lambda pair: pair[0])
    return sent, [one for _, one in timed]


def numbered(arrived: Sequence[Sent]) -> Iterator[Sent]:
    """As a room numbers it: each index once, and none from before the first packet."""
    first = arrived[0].packet
    translator = SequenceTranslator(first.extended, first.timestamp)
    translator.rebase(first.extended & 0xFFFF, first.timestamp, 0)
    for sent in arrived:
        if translator.translate(sent.packet.extended & 0xFFFF, sent.packet.timestamp) is not None:
            yield sent


@given(arrivals(), st.sampled_from(FORMS))
def test_each_index_is_used_once_and_pictures_keep_their_order(
    given_: tuple[list[Sent], list[Sent]], form: Form
) -> None:
    _, arrived = given_
    if not arrived:
        return
    track = thinned(form)
    outs = taken(track, list(numbered(arrived)))
    indexes = [out.extended for _, out in outs]
    assert len(set(indexes)) == len(indexes)
    assert all(FIRST <= index < track.next_index for index in indexes)
    in_order = [sent.packet.extended for sent, _ in sorted(outs, key=lambda pair: pair[1].extended)]
    assert in_order == sorted(in_order)
    for sent, out in outs:
        assert out.timestamp == sent.packet.timestamp
        assert sent.belongs(form) or not out.packet.payload


@given(arrivals(), st.sampled_from(FORMS))
def test_a_picture_is_passed_whole_and_packets_keep_their_distance_in_it(
    given_: tuple[list[Sent], list[Sent]], form: Form
) -> None:
    sent, arrived = given_
    if not arrived:
        return
    passed = list(numbered(arrived))
    outs = [(one, out) for one, out in taken(thinned(form), passed) if out.packet.payload]
    got: dict[int, list[tuple[Sent, Outgoing]]] = {}
    for one, out in outs:
        got.setdefault(one.picture, []).append((one, out))
    for pairs in got.values():
        assert len({out.extended - one.packet.extended for one, out in pairs}) == 1
    first = arrived[0].packet.extended
    for picture in {one.picture for one in sent if one.belongs(form)}:
        whole = [one for one in sent if one.picture == picture]
        seen = [one for one in passed if one.picture == picture]
        complete = len(seen) == len(whole) and whole[0].packet.extended >= first
        if not complete or form is Form.KEYFRAMES:  # a keyframe is known by its first packet only
            continue
        assert len(got[picture]) == len(whole)


@given(arrivals())
def test_what_the_room_misses_for_good_is_all_that_viewers_miss(
    given_: tuple[list[Sent], list[Sent]],
) -> None:
    _, arrived = given_
    if not arrived:
        return
    track = thinned(Form.LOWEST_LAYER)
    passed = list(numbered(arrived))
    outs = taken(track, passed)
    held = {one.packet.extended for one in passed}
    missing = sum(index not in held for index in range(min(held), max(held)))
    assert track.next_index - FIRST - len(outs) <= missing
    if not missing:
        assert sorted(out.extended for _, out in outs) == list(range(FIRST, track.next_index))
