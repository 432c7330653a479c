"""A run in one piece: its packets are those that Python reads, and nothing that is asked of it breaks it."""

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.payload.keyframes import any_starts_keyframe, starts_keyframe
from media.rtp.packet import RtpPacket, parse
from media.tracks.outgoing import Outgoing
from tests.support.far_end import one_byte, rtp, two_byte
from tests.support.native_loop import NATIVE
from tests.unit.media.rtp.test_srtp_receiver import at, sealed

many = settings(max_examples=int(os.environ.get("NATIVE_INPUTS", "100")), deadline=None)
SSRC = 0x5EED


def run_of(plain: list[bytes], first: int = 1, packet: Callable[..., Any] = RtpPacket) -> Any:
    opener = at(first, NATIVE.Opener)._opener
    assert opener is not None
    run = opener.open(sealed(plain, first), first, packet)
    assert run is not None
    return run


def numbered(run: Any, index: int = 70_000, shift: int = 5) -> Any:
    run.number(Outgoing, 1, 0xAAAA, index, shift)
    return run


elements = st.lists(st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=4)
contents = st.lists(
    st.tuples(st.binary(max_size=40), st.booleans(), st.sampled_from([0, 3000, 0xFFFFFFFF]), elements),
    min_size=1,
    max_size=64,
)


@many
@given(contents, st.booleans(), st.sampled_from([1, 0xFFF0]), st.integers(0, 0xFFFFFFFF))
def test_its_packets_are_those_that_python_reads(
    those: list[tuple[bytes, bool, int, list[tuple[int, bytes]]]], extended: bool, first: int, shift: int
) -> None:
    plain = [
        rtp(
            first + n & 0xFFFF,
            payload,
            ssrc=SSRC,
            marker=marker,
            timestamp=timestamp,
            extension=one_byte(*found) if extended else None,
        )
        for n, (payload, marker, timestamp, found) in enumerate(those)
    ]
    packets = [parse(each) for each in plain]
    run = run_of(plain, first)
    assert run.packets() == packets
    assert run.timestamps() == [packet.timestamp for packet in packets]
    run.number(Outgoing, 1, 0xAAAA, 70_000, shift)
    outgoing = [
        Outgoing(1, 0xAAAA, 70_000 + n, packet.timestamp + shift & 0xFFFFFFFF, packet)
        for n, packet in enumerate(packets)
    ]
    assert list(run) == outgoing
    assert len(run) == len(packets)
    assert [run.size(n) for n in range(len(run))] == [len(packet.payload) for packet in packets]
    assert run.octets == sum(len(packet.payload) for packet in packets)
    latest = outgoing[-1].timestamp
    assert run.octets_of(latest) == sum(
        len(packet.packet.payload) for packet in outgoing if packet.timestamp == latest
    )
    ids = {element for packet in packets for element, _ in packet.extensions}
    for number in range(15):
        assert run.has_any([200, number]) == (number in ids)
        values = [
            next((value for element, value in packet.extensions if element == number), b"")
            for packet in packets
        ]
        assert run.numbers(number) == [int.from_bytes(value) for value in values if len(value) == 2]


starts = st.sampled_from(
    [
        b"\x10\x00",
        b"\x90\x80\x80\x01\x00",
        b"\x7c\x85",
        b"\x67\x42",
        b"\x78\x00\x02",
        b"\x62\x01\x93",
        b"\x26\x01",
    ]
)


@many
@given(st.lists(st.binary(max_size=12) | st.builds(bytes.__add__, starts, st.binary(max_size=9)), min_size=1))
def test_it_overlooks_no_keyframe(payloads: list[bytes]) -> None:
    run = run_of([rtp(n, payload, ssrc=SSRC) for n, payload in enumerate(payloads[:64], 1)])
    for codec in ("VP8", "VP9", "H264", "H265", "AV1"):
        suspects = run.suspects(codec)
        found = [payload for payload in payloads[:64] if starts_keyframe(codec, payload)]
        assert [payload for payload in suspects if starts_keyframe(codec, payload)] == found
        assert any_starts_keyframe(codec, payloads[:64]) == bool(found)


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        ("VP8", b"\x10\x01\x00"),
        ("VP8", b"\x00\x00"),
        ("VP8", b"\x90\x80\x80\x01\x01"),
        ("H264", b"\x7c\x01"),
        ("H264", b"\x7c\x45"),
        ("H264", b"\x41\x9a"),
        ("H265", b"\x02\x01"),
        ("H265", b"\x62\x01\x13"),
        ("VP9", b"\x80\x80"),
        ("AV1", b"\x90\x00"),
        ("AV1", b""),
    ],
)
def test_it_is_sure_of_the_usual_packets(codec: str, payload: bytes) -> None:
    assert run_of([rtp(1, payload, ssrc=SSRC)]).suspects(codec) == []


def test_of_a_codec_that_it_does_not_know_it_suspects_all() -> None:
    assert run_of([rtp(1, b"x", ssrc=SSRC), rtp(2, b"y", ssrc=SSRC)]).suspects("another") == [b"x", b"y"]


def test_elements_of_two_bytes_and_of_no_known_form_are_read_as_in_python() -> None:
    plain = [
        rtp(1, b"x", ssrc=SSRC, extension=two_byte((200, b"ab"), (3, b""))),
        rtp(2, b"y", ssrc=SSRC, extension=(0xABCD, b"\x10\x01\x02\x03")),
    ]
    run = numbered(run_of(plain))
    assert [packet.packet for packet in run] == [parse(each) for each in plain]
    assert run.has_any([200])
    assert not run.has_any([1])
    assert run.numbers(200) == [0x6162]


def test_a_run_that_is_not_numbered_has_no_packets_of_the_room() -> None:
    run = run_of([rtp(1, b"x", ssrc=SSRC)])
    with pytest.raises(ValueError, match="numbered"):
        run[0]
    with pytest.raises(ValueError, match="numbered"):
        NATIVE.send_run(-1, run, 96, 0, b"", 65_000, [])
    numbered(run)
    for place in (1, -2, 64):
        with pytest.raises(IndexError):
            run[place]
        with pytest.raises(IndexError):
            run.size(place)


def test_a_type_that_fails_is_heard() -> None:
    def spoil(*_: object) -> None:
        raise KeyError

    run = run_of([rtp(1, b"x", ssrc=SSRC), rtp(2, b"y", ssrc=SSRC)], packet=spoil)
    with pytest.raises(KeyError):
        run.packets()
    numbered(run)
    with pytest.raises(KeyError):
        list(run)


def test_nothing_is_kept_of_what_it_makes() -> None:
    run = numbered(run_of([rtp(1, b"payload", ssrc=SSRC, extension=one_byte((1, b"x")))]))
    before = [sys.getrefcount(each) for each in (RtpPacket, Outgoing, run)]
    for _ in range(100):
        assert run.packets()
        assert run[0]
        assert numbered(run)
    assert [sys.getrefcount(each) for each in (RtpPacket, Outgoing, run)] == before


def test_a_run_is_made_by_an_opener_only() -> None:
    with pytest.raises(TypeError):
        type(run_of([rtp(1, b"x", ssrc=SSRC)]))()


anything = st.none() | st.integers() | st.binary(max_size=40) | st.text(max_size=5) | st.floats()


@many
@given(st.sampled_from(["size", "numbers", "has_any", "octets_of", "suspects", "number"]), anything)
def test_whatever_it_is_asked_it_answers_or_refuses(name: str, argument: Any) -> None:
    run = run_of([rtp(1, b"x", ssrc=SSRC, extension=one_byte((1, b"x")))])
    arguments = (Outgoing, argument, argument, argument, argument) if name == "number" else (argument,)
    try:
        getattr(run, name)(*arguments)
    except (TypeError, IndexError, OverflowError, ValueError):
        return


@many
@given(
    st.just(numbered(run_of([rtp(1, b"x", ssrc=SSRC)]))) | anything,
    st.integers(-1, 300) | anything,
    st.integers(0, 9) | anything,
    st.binary(max_size=80) | anything,
    st.integers(-9, 70_000) | anything,
    st.just([]) | anything,
)
def test_whatever_it_is_given_it_sends_or_refuses(
    run: Any, payload_type: Any, ssrc: Any, block: Any, most_run: Any, targets: Any
) -> None:
    try:
        sent = NATIVE.send_run(-1, run, payload_type, ssrc, block, most_run, targets)
    except (TypeError, OverflowError, ValueError):
        return
    assert sent == (0, 0, 0)
