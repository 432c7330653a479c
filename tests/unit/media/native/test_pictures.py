"""The numbers of pictures in a run: those that Python finds and writes, whatever the payloads are."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from media.rtp.packet import parse
from media.tracks.layer_ids import LayerIds, PictureIds
from tests.support.far_end import one_byte, rtp, two_byte
from tests.support.picture_numbers import expected_pictures, expected_renumbered
from tests.unit.media.native.test_run import anything, many, run_of

SSRC = 0x5EED
DESCRIPTOR = 5
CODECS = ["VP8", "VP9", "H264", "AV1"]
KEYFRAMES = {
    "VP8": b"\x90\x80\x80\x07\x00",
    "VP9": b"\x8a\x80\x07\x00",
    "H264": b"\x65\x88",
    "AV1": b"\x18\x0a\x01\x00",
}

numbers = st.integers(0, 12) | st.integers(0, 0x7FFF)
payloads = st.one_of(
    st.binary(max_size=5),
    st.builds(
        lambda head, number: head + (number | 0x8000).to_bytes(2) + b"\x01", st.just(b"\x90\x80"), numbers
    ),
    st.builds(lambda head, number: head + bytes((number & 0x7F, 1)), st.just(b"\x90\x80"), numbers),
    st.builds(lambda head, number: head + (number | 0x8000).to_bytes(2), st.just(b"\xc8"), numbers),
    st.just(b""),
)
elements = st.lists(
    st.tuples(st.sampled_from([3, DESCRIPTOR, DESCRIPTOR]), st.binary(min_size=1, max_size=5)), max_size=3
)
# payload, how far the timestamp is ahead of the packet's before, and extensions; None: a keyframe starts
packets = st.tuples(
    st.none() | payloads | payloads | payloads,
    st.sampled_from([0, 0, 0, 3000, 3000, -3000, -9000, 0x80000000]),
    st.none() | elements,
)
Sent = tuple[bytes | None, int, list[tuple[int, bytes]] | None]


def plain(sent: Sequence[Sent], codec: str, timestamp: int, form: Any = one_byte) -> list[bytes]:
    found = []
    for place, (payload, step, extension) in enumerate(sent, 1):
        timestamp += step
        found.append(
            rtp(
                place,
                KEYFRAMES[codec] if payload is None else payload,
                ssrc=SSRC,
                timestamp=timestamp & 0xFFFFFFFF,
                extension=None if extension is None else form(*extension),
            )
        )
    return found


def alike(extensions: Sequence[Sent]) -> list[Sent]:
    """Neighbours have an extension, or have none: others are no run."""
    return [
        (payload, step, extensions[0][2] and (found or [(3, b"x")])) for payload, step, found in extensions
    ]


runs = st.lists(packets, min_size=1, max_size=6).map(alike)


@many
@given(st.sampled_from(CODECS), runs, st.sampled_from([one_byte, two_byte]))
def test_they_are_those_that_python_finds(codec: str, sent: list[Sent], form: Any) -> None:
    datagrams = plain(sent, codec, 5, form)
    expected = expected_pictures(map(parse, datagrams), codec, DESCRIPTOR)
    assert run_of(datagrams).pictures(codec, DESCRIPTOR) == expected


@many
@given(st.sampled_from(CODECS), runs, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_others_are_written_in_their_place(codec: str, sent: list[Sent], ours: int, frames: int) -> None:
    datagrams = plain(sent, codec, 5)
    run = run_of(datagrams)
    run.renumber(codec, DESCRIPTOR, ours, frames)
    assert run.packets() == [
        expected_renumbered(each, codec, DESCRIPTOR, ours, frames) for each in map(parse, datagrams)
    ]


@many
@given(
    st.sampled_from(CODECS),
    st.lists(st.tuples(st.integers(0, 1), st.integers(-9000, 9000), runs), min_size=1, max_size=8),
    st.sampled_from([0, DESCRIPTOR]),
)
def test_a_layer_goes_on_by_runs_as_it_does_by_packets(
    codec: str, sent: list[tuple[int, int, list[Sent]]], descriptor: int
) -> None:
    by_runs, by_packets = _layers(codec, descriptor), _layers(codec, descriptor)
    for number, timestamp, packets in sent:
        datagrams = plain(packets, codec, timestamp)
        run, layer = run_of(datagrams), by_runs[number]
        before = _knows(layer)
        if layer.continue_run(run):
            got = run.packets()
        else:
            assert _knows(layer) == before
            assert run.packets() == list(map(parse, datagrams))
            got = [layer.continued(packet) for packet in run.packets()]
        assert got == [by_packets[number].continued(parse(each)) for each in datagrams]
        assert [_knows(each) for each in by_runs] == [_knows(each) for each in by_packets]


def test_a_picture_that_is_no_keyframe_goes_on_as_a_run() -> None:
    layers = _layers("VP8", DESCRIPTOR)
    for number, layer in enumerate(layers):
        assert not layer.continue_run(run_of(plain([(None, 0, None)], "VP8", 0)))
        layer.continued(parse(plain([(None, 0, None)], "VP8", 0)[0]))
        run = run_of(plain([(b"\x90\x80\x80\x08\x01", 3000, None), (b"\x80\x80\x80\x08", 0, None)], "VP8", 0))
        assert layer.continue_run(run)
        assert [packet.payload[2:4] for packet in run.packets()] == [bytes((0x80, 8 + 2 * number))] * 2


@many
@given(anything, anything, anything, anything)
def test_whatever_it_is_asked_it_answers_or_refuses(
    codec: Any, descriptor: Any, ours: Any, frames: Any
) -> None:
    run = run_of([rtp(1, b"\x90\x80\x80", ssrc=SSRC, extension=one_byte((5, b"xyz")))])
    for asked, arguments in ((run.pictures, ()), (run.renumber, (ours, frames))):
        try:
            asked(codec, descriptor, *arguments)
        except (TypeError, OverflowError, ValueError):
            continue


def test_a_descriptor_without_number_is_left_alone() -> None:
    run = run_of([rtp(1, b"x", ssrc=SSRC, extension=one_byte((DESCRIPTOR, b"ab"), (DESCRIPTOR, b"abc")))])
    assert run.pictures("AV1", DESCRIPTOR) == []
    run.renumber("AV1", DESCRIPTOR, 1, 1)
    assert run.packets()[0].extensions == ((DESCRIPTOR, b"ab"), (DESCRIPTOR, b"abc"))


def _layers(codec: str, descriptor: int) -> list[LayerIds]:
    shared = PictureIds()
    return [LayerIds(shared, codec, descriptor) for _ in range(2)]


def _knows(each: object) -> object:
    names = getattr(type(each), "__slots__", None)
    return each if names is None else {name: _knows(getattr(each, name)) for name in names}
