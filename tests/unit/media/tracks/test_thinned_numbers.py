"""The numbers of a thinned track, whatever the publisher's line does to its packets."""

from collections.abc import Iterator, Sequence

from hypothesis import assume, given
from hypothesis import strategies as st

from media.rtp.run import Run
from media.rtp.sequence import SequenceTranslator
from media.tracks.thinned import Form
from tests.support.thinned_stream import FIRST, Sent, stream, taken, thinned

FORMS = list(Form)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Sent], list[Sent]]:
    """A stream, and what of it the room takes: some packets come late, some never, some twice."""
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
    assume(timed)
    return sent, list(numbered([one for _, one in timed]))


def numbered(arrived: Sequence[Sent]) -> Iterator[Sent]:
    """As a room numbers it: each index once, and none from before the first packet."""
    first = arrived[0].packet
    translator = SequenceTranslator(first.first, first.timestamps()[0])
    translator.rebase(first.first & 0xFFFF, first.timestamps()[0], 0)
    for sent in arrived:
        if translator.translate(sent.packet.first & 0xFFFF, sent.packet.timestamps()) is not None:
            yield sent


@given(arrivals(), st.sampled_from(FORMS))
def test_each_index_is_used_once_and_pictures_keep_their_order(
    given_: tuple[list[Sent], list[Sent]], form: Form
) -> None:
    _, passed = given_
    track = thinned(form)
    outs = taken(track, passed)
    indexes = [out.first for _, out in outs]
    assert len(set(indexes)) == len(indexes)
    assert all(FIRST <= index < track.next_index for index in indexes)
    in_order = [sent.packet.first for sent, _ in sorted(outs, key=lambda pair: pair[1].first)]
    assert in_order == sorted(in_order)
    for sent, out in outs:
        assert out.timestamps() == sent.packet.timestamps()
        assert sent.belongs(form) or not out.octets


@given(arrivals(), st.sampled_from(FORMS))
def test_a_picture_is_passed_whole_and_packets_keep_their_distance_in_it(
    given_: tuple[list[Sent], list[Sent]], form: Form
) -> None:
    sent, passed = given_
    outs = [(one, out) for one, out in taken(thinned(form), passed) if out.octets]
    got: dict[int, list[tuple[Sent, Run]]] = {}
    for one, out in outs:
        got.setdefault(one.picture, []).append((one, out))
    for pairs in got.values():
        assert len({out.first - one.packet.first for one, out in pairs}) == 1
    first = passed[0].packet.first
    for picture in {one.picture for one in sent if one.belongs(form)}:
        whole = [one for one in sent if one.picture == picture]
        seen = [one for one in passed if one.picture == picture]
        complete = len(seen) == len(whole) and whole[0].packet.first >= first
        if not complete or form is Form.KEYFRAMES:  # a keyframe is known by its first packet only
            continue
        assert len(got[picture]) == len(whole)


@given(arrivals())
def test_what_the_room_misses_for_good_is_all_that_viewers_miss(
    given_: tuple[list[Sent], list[Sent]],
) -> None:
    _, passed = given_
    track = thinned(Form.LOWEST_LAYER)
    outs = taken(track, passed)
    held = {one.packet.first for one in passed}
    missing = sum(index not in held for index in range(min(held), max(held)))
    assert track.next_index - FIRST - len(outs) <= missing
    if not missing:
        assert sorted(out.first for _, out in outs) == list(range(FIRST, track.next_index))
