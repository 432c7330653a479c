"""A run, in Python and natively: what it says of its packets is what each of them would, byte for byte."""

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from media.payload.keyframes import starts_keyframe
from media.payload.picture_id import PictureId, frame_number, picture_id, with_value
from media.rtp.extensions import extension_block, map_extensions
from media.rtp.packet import RtpPacket, build_header, parse
from media.rtp.padding import without_padding
from media.rtp.run import MOST_PACKETS, NOT_KEPT, Form, Run, by_picture, id_table
from media.rtp.srtp import GCM_TAG
from media.tracks.layer_ids import LayerIds, PictureIds
from tests.support.far_end import one_byte, rtp, two_byte
from tests.support.native_loop import many
from tests.support.runs import RUNS
from tests.unit.media.rtp.test_srtp_receiver import OPENERS, at, sealed

Make = Callable[..., Run]
both = pytest.mark.parametrize("make", RUNS, ids=["python", "native"][: len(RUNS)])
SSRC, SOURCE = 0xAAAA, 0x5EED
DESCRIPTOR = 5
CODECS = ["VP8", "VP9", "H264", "H265", "AV1"]
PLAIN = Form(96, 0, NOT_KEPT, 0, b"")

elements = st.lists(st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=4)
long_elements = st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=20)), max_size=3)
packets = st.builds(
    RtpPacket,
    st.sampled_from([False, False, False, True]),
    st.booleans(),
    st.just(96),
    st.just(0),
    st.sampled_from([0, 0, 0, 3000, 0xFFFFFFFF]),
    st.just(SOURCE),
    (elements | long_elements | st.just([])).map(tuple),
    st.binary(max_size=40) | st.sampled_from([bytes(1000), bytes(1000), bytes(1100)]),
)
contents = st.lists(packets, min_size=1, max_size=MOST_PACKETS).map(
    lambda those: [replace(each, sequence=n + 0xFFF8 & 0xFFFF) for n, each in enumerate(those)]
)
shifts = st.sampled_from([0, 0, 5, 90_000, 0xFFFFFFFF])


@both
@many
@given(contents, st.sampled_from([1, 0xFFF0, (1 << 48) - 100]), shifts)
def test_it_says_what_its_packets_say(make: Make, those: list[RtpPacket], first: int, shift: int) -> None:
    run = make(*those, track=3, ssrc=SSRC, first=first, shift=shift)
    stamps = [packet.timestamp + shift & 0xFFFFFFFF for packet in those]
    assert (run.track, run.ssrc, run.first, run.shift) == (3, SSRC, first, shift)
    assert [*run.packets()] == those
    assert [run.packet(place) for place in range(len(run))] == those
    assert [*run.payloads()] == [packet.payload for packet in those]
    bare = [without_padding(each.payload) or b"" if each.padding else each.payload for each in those]
    assert [*run.contents()] == bare
    assert [*run.sizes()] == [len(packet.payload) for packet in those]
    assert [*run.timestamps()] == stamps
    assert [*run.markers()] == [packet.marker for packet in those]
    assert run.octets == sum(run.sizes())
    sizes = dict.fromkeys((*stamps, 77), 0)
    for stamp, packet in zip(stamps, those, strict=True):
        sizes[stamp] += len(packet.payload)
    assert all(run.octets_of(stamp) == size for stamp, size in sizes.items())
    for number in {1, 2, 200, *(number for packet in those for number, _ in packet.extensions)}:
        values = [next((value for n, value in each.extensions if n == number), b"") for each in those]
        assert [*run.numbers(number)] == [int.from_bytes(value) for value in values if len(value) == 2]


@both
@many
@given(contents, st.data(), shifts)
def test_a_part_is_a_run_of_those_packets(
    make: Make, those: list[RtpPacket], data: st.DataObject, shift: int
) -> None:
    start = data.draw(st.integers(0, len(those) - 1))
    stop = data.draw(st.integers(start + 1, len(those)))
    run = make(*those, track=3, ssrc=SSRC, first=70_000, shift=shift)
    part = run.part(start, stop)
    again = part.part(0, 1)
    del run
    whole = make(*those[start:stop], track=3, ssrc=SSRC, first=70_000 + start, shift=shift)
    for asked in (part, whole):
        assert [*asked.packets()] == those[start:stop]
    assert _said(part) == _said(whole)
    part.number(1, 2, 3, 4)
    assert (part.track, part.ssrc, part.first, part.shift) == (1, 2, 3, 4)
    assert (again.track, again.first, again.shift) == (3, 70_000 + start, shift)
    assert part.lay(PLAIN, 65_000)[0][0][2:12] == (3).to_bytes(2) + (
        those[start].timestamp + 4 & 0xFFFFFFFF
    ).to_bytes(4) + (2).to_bytes(4)


def _said(run: Run) -> list[object]:
    return [
        (run.track, run.ssrc, run.first, run.shift, run.octets, len(run)),
        *map(list, (run.sizes(), run.timestamps(), run.markers(), run.payloads(), *run.lay(PLAIN, 65_000))),
    ]


@both
@pytest.mark.parametrize(("start", "stop"), [(0, 0), (-1, 1), (1, 3), (2, 3), (1, 1)])
def test_it_has_no_other_parts(make: Make, start: int, stop: int) -> None:
    run = make(rtp(1), rtp(2))
    with pytest.raises(IndexError):
        run.part(start, stop)


@both
@pytest.mark.parametrize("place", [-1, 2, 64])
def test_it_has_no_other_packets(make: Make, place: int) -> None:
    with pytest.raises(IndexError):
        make(rtp(1), rtp(2)).packet(place)


@both
@given(contents, shifts)
def test_its_pictures_are_its_neighbours_with_one_timestamp(
    make: Make, those: list[RtpPacket], shift: int
) -> None:
    run = make(*those, first=9, shift=shift)
    parts = [*by_picture(run)]
    assert [packet for _, part in parts for packet in part.packets()] == those
    assert all({*part.timestamps()} == {timestamp} for timestamp, part in parts)
    assert all(one != other for (one, _), (other, _) in pairwise(parts))


# --- as it is opened


plain_contents = st.lists(
    st.tuples(st.binary(max_size=40), st.booleans(), st.sampled_from([0, 3000, 0xFFFFFFFF]), elements),
    min_size=1,
    max_size=MOST_PACKETS,
)


@many
@given(plain_contents, st.booleans(), st.sampled_from([1, 0xFFF0]))
def test_it_is_opened_as_packets_are(
    those: list[tuple[bytes, bool, int, list[tuple[int, bytes]]]], extended: bool, first: int
) -> None:
    plain = [
        rtp(
            first + n,
            payload,
            ssrc=SOURCE,
            marker=marker,
            timestamp=timestamp,
            extension=one_byte(*found) if extended else None,
        )
        for n, (payload, marker, timestamp, found) in enumerate(those)
    ]
    datagrams = sealed(plain, first)
    for opener in OPENERS:
        opened = at(first, opener)._opener
        assert opened is not None
        run = opened.open(datagrams, first)
        assert run is not None
        assert [*run.packets()] == list(map(parse, plain))
        assert [*run.timestamps()] == [packet.timestamp for packet in run.packets()]


@both
def test_elements_of_two_bytes_and_of_no_known_form_are_read_as_in_a_packet(make: Make) -> None:
    plain = [
        rtp(1, b"x", ssrc=SOURCE, extension=two_byte((200, b"ab"), (3, b""))),
        rtp(2, b"y", ssrc=SOURCE, extension=(0xABCD, b"\x10\x01\x02\x03")),
    ]
    run = make(*plain)
    assert [*run.packets()] == list(map(parse, plain))
    assert [*run.numbers(200)] == [0x6162]


# --- what is laid out


forms = st.builds(
    Form,
    st.integers(0, 127),
    st.sampled_from([0, 0xFFFFFFFF]),
    st.sampled_from(
        [NOT_KEPT, id_table({1: 3, 2: 4}), id_table({n: n for n in range(1, 256)}), id_table({9: 200})]
    ),
    st.sampled_from([0, 5, 200]),
    st.binary(min_size=1, max_size=16),
)


@both
@many
@given(contents, forms, st.sampled_from([1, 0xFFF0, 0x1_FFFF, (1 << 48) - 100]), shifts)
def test_it_is_laid_out_as_packets_are(
    make: Make, those: list[RtpPacket], form: Form, first: int, shift: int
) -> None:
    headers, payloads, sends = make(*those, ssrc=SSRC, first=first, shift=shift).lay(form, 65_000)
    expected = []
    for index, packet in enumerate(those, first):
        ids = {number: form.ids[number] for number in range(256) if form.ids[number]}
        added = ((form.element, form.value),) if form.element else ()
        block = extension_block((*map_extensions(packet.extensions, ids), *added))
        timestamp = packet.timestamp + shift & 0xFFFFFFFF
        ssrc = form.ssrc or SSRC
        expected.append(build_header(packet, form.payload_type, index & 0xFFFF, timestamp, ssrc, block))
    assert [*headers] == expected
    assert [*payloads] == [packet.payload for packet in those]
    sizes = [len(header) + len(payload) + GCM_TAG for header, payload in zip(headers, payloads, strict=True)]
    assert _datagrams(sends) == sizes
    for length, size in sends:
        assert length <= 65_000
        assert length <= size * MOST_PACKETS
    for (length, size), (_, following) in pairwise(sends):  # no send could be longer
        assert following > size or length % size or length + following > 65_000


def _datagrams(sends: Sequence[tuple[int, int]]) -> list[int]:
    """The sizes into which the kernel splits these."""
    return [min(size, length - begin) for length, size in sends for begin in range(0, length, size)]


@both
@pytest.mark.parametrize("most", [20, 100, 1000])
def test_no_send_has_more_bytes_than_are_asked_for(make: Make, most: int) -> None:
    _, _, sends = make(*[rtp(n, bytes(20)) for n in range(50)]).lay(PLAIN, most)
    assert [size for _, size in sends] == [48] * len(sends)
    assert all(length <= max(most, 48) for length, _ in sends)


# --- pictures


STARTS = [
    b"\x10\x00",
    b"\x90\x80\x80\x01\x00",
    b"\x7c\x85",
    b"\x67\x42",
    b"\x78\x00\x02",
    b"\x62\x01\x93",
    b"\x26\x01",
]
starts = st.builds(bytes.__add__, st.sampled_from(STARTS), st.binary(max_size=9))


@both
@many
@given(st.lists(st.binary(max_size=12) | starts, min_size=1, max_size=MOST_PACKETS))
def test_it_overlooks_no_keyframe(make: Make, payloads: list[bytes]) -> None:
    run = make(*[rtp(n, payload) for n, payload in enumerate(payloads)])
    for codec in CODECS:
        suspects = run.suspects(codec)
        assert all(payloads[place] == payload for place, payload in suspects)
        found = [place for place, payload in enumerate(payloads) if starts_keyframe(codec, payload)]
        assert [place for place, payload in suspects if starts_keyframe(codec, payload)] == found


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        ("VP8", b"\x00\x00"),
        ("H264", b"\x41\x9a"),
        ("H265", b"\x02\x01"),
        ("VP9", b"\xc0\x80"),
        ("AV1", b"\x90\x00"),
    ],
)
@both
def test_it_is_sure_of_the_usual_packets(make: Make, codec: str, payload: bytes) -> None:
    assert not make(rtp(1, payload)).suspects(codec)


numbers = st.integers(0, 12) | st.integers(0, 0x7FFF)
numbered_payloads = st.one_of(
    st.binary(max_size=5),
    st.builds(lambda number: b"\x90\x80" + (number | 0x8000).to_bytes(2) + b"\x01", numbers),
    st.builds(lambda number: b"\x90\x80" + bytes((number & 0x7F, 1)), numbers),
    st.builds(lambda number: b"\xc8" + (number | 0x8000).to_bytes(2), numbers),
    st.just(b""),
)
KEYFRAMES = {
    "VP8": b"\x90\x80\x80\x07\x00",
    "VP9": b"\x8a\x80\x07\x00",
    "H264": b"\x65\x88",
    "AV1": b"\x18\x0a\x01\x00",
}
# payload (None: a keyframe starts), how far the timestamp is ahead of the packet's before, and extensions
numbered_packets = st.lists(
    st.tuples(
        st.none() | numbered_payloads | numbered_payloads | numbered_payloads,
        st.sampled_from([0, 0, 0, 3000, 3000, -3000, -9000, 0x80000000]),
        st.lists(st.tuples(st.sampled_from([3, DESCRIPTOR]), st.binary(min_size=1, max_size=5)), max_size=3),
    ),
    min_size=1,
    max_size=6,
)
Numbered = list[tuple[bytes | None, int, list[tuple[int, bytes]]]]


def of_pictures(sent: Numbered, codec: str, timestamp: int) -> list[RtpPacket]:
    found = []
    for payload, step, extensions in sent:
        timestamp = timestamp + step & 0xFFFFFFFF
        body = KEYFRAMES[codec] if payload is None else payload
        found.append(RtpPacket(False, False, 96, len(found), timestamp, SOURCE, tuple(extensions), body))
    return found


def read(packet: RtpPacket, codec: str, descriptor: int) -> tuple[PictureId | None, PictureId | None]:
    element = next((value for number, value in packet.extensions if number == descriptor), b"")
    return picture_id(codec, packet.payload), frame_number(element) if descriptor else None


def written(packet: RtpPacket, codec: str, descriptor: int, ours: int, frames: int) -> RtpPacket:
    own, frame = read(packet, codec, descriptor)
    payload = packet.payload if own is None else with_value(packet.payload, own, own.value + ours)
    extensions = list(packet.extensions)
    if frame is not None:
        place = [number for number, _ in extensions].index(descriptor)
        extensions[place] = descriptor, with_value(extensions[place][1], frame, frame.value + frames)
    return replace(packet, payload=payload, extensions=tuple(extensions))


@both
@many
@given(st.sampled_from(list(KEYFRAMES)), numbered_packets, st.sampled_from([0, DESCRIPTOR]))
def test_its_numbers_of_pictures_are_those_of_its_packets(
    make: Make, codec: str, sent: Numbered, descriptor: int
) -> None:
    those = of_pictures(sent, codec, 5)
    found: dict[int, tuple[int, int, int, int]] = {}
    parts = make(*those, shift=9).pictures(codec, descriptor)
    for start, stop, *said in parts:
        found |= dict.fromkeys(range(start, stop), (said[0], said[1], said[2], said[3]))
    expected = {}
    for place, packet in enumerate(those):
        own, frame = read(packet, codec, descriptor)
        if own or frame:
            bits, value = (0, -1) if own is None else (own.bits, own.value)
            expected[place] = packet.timestamp, bits, value, -1 if frame is None else frame.value
    assert found == expected
    for (_, stop, *said), (start, _, *following) in pairwise(parts):
        assert stop < start or said != following


@both
@many
@given(
    st.sampled_from(list(KEYFRAMES)),
    numbered_packets,
    st.sampled_from([0, 1, 0x7FFF, 0xFFFF]),
    st.sampled_from([0, 1, 0x7FFF, 0xFFFF]),
    st.data(),
)
def test_other_numbers_are_written_in_their_place(
    make: Make, codec: str, sent: Numbered, ours: int, frames: int, data: st.DataObject
) -> None:
    those = of_pictures(sent, codec, 5)
    start = data.draw(st.integers(0, len(those)))
    stop = data.draw(st.integers(start, len(those)))
    run = make(*those)
    run.renumber(start, stop, codec, DESCRIPTOR, ours, frames)
    inside = [written(packet, codec, DESCRIPTOR, ours, frames) for packet in those[start:stop]]
    assert [*run.packets()] == [*those[:start], *inside, *those[stop:]]
    assert run.octets == sum(run.sizes())


@both
def test_a_descriptor_without_number_is_left_alone(make: Make) -> None:
    run = make(rtp(1, b"x", extension=one_byte((DESCRIPTOR, b"ab"), (DESCRIPTOR, b"abc"))))
    assert not run.pictures("AV1", DESCRIPTOR)
    run.renumber(0, 1, "AV1", DESCRIPTOR, 1, 1)
    assert run.packets()[0].extensions == ((DESCRIPTOR, b"ab"), (DESCRIPTOR, b"abc"))


@both
@many
@given(
    st.sampled_from(list(KEYFRAMES)),
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(-9000, 9000), numbered_packets), min_size=1, max_size=8
    ),
    st.sampled_from([0, DESCRIPTOR]),
)
def test_a_layer_goes_on_by_runs_as_it_does_by_packets(
    make: Make, codec: str, sent: list[tuple[int, int, Numbered]], descriptor: int
) -> None:
    by_runs, by_packets = _layers(codec, descriptor), _layers(codec, descriptor)
    for number, timestamp, those in sent:
        near = [(payload, step % 9000, found) for payload, step, found in those]  # no wrap between keyframes
        plain = of_pictures(near, codec, timestamp & 0xFFFFFFFF)
        run = make(*plain)
        by_runs[number].renumber(run)
        singly = [make(packet) for packet in plain]
        for one in singly:
            by_packets[number].renumber(one)
        assert [*run.packets()] == [replace(one.packet(0), sequence=n) for n, one in enumerate(singly)]
        assert _knows(by_runs) == _knows(by_packets)


def _layers(codec: str, descriptor: int) -> list[LayerIds]:
    shared = PictureIds()
    return [LayerIds(shared, codec, descriptor) for _ in range(2)]


def _knows(each: object) -> object:
    if isinstance(each, list):
        return [_knows(one) for one in each]
    names = getattr(type(each), "__slots__", None)
    return each if names is None else {name: _knows(getattr(each, name)) for name in names}


# --- whoever asks


@both
def test_nothing_is_kept_of_what_it_makes(make: Make) -> None:
    run: Any = make(rtp(1, b"payload", extension=one_byte((1, b"x"))), rtp(2, b"more"))
    before = [sys.getrefcount(each) for each in (RtpPacket, run)]
    for _ in range(100):
        assert run.packets()
        assert run.packet(0)
        assert run.part(0, 1).part(0, 1)
        assert run.lay(PLAIN, 65_000)
        assert run.suspects("VP8") is not None
    after = [sys.getrefcount(each) for each in (RtpPacket, run)]
    assert all(later - earlier <= 1 for earlier, later in zip(before, after, strict=True))
