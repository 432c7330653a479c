"""Datagrams come out of a stream whole and in order, however it is cut; nothing long is waited for."""

import random

import pytest

from media.transport.address import MAX_DATAGRAM
from media.transport.tcp_frames import FrameError, FrameReader, framed


def test_a_stream_gives_its_datagrams_however_it_is_cut() -> None:
    chance = random.Random(1)
    sent = [chance.randbytes(chance.choice((1, 2, 20, 1200, MAX_DATAGRAM))) for _ in range(200)]
    stream = b"".join(framed(datagram, len(datagram)) for datagram in sent)
    for longest in (1, 3, 700, 9000, len(stream)):
        reader, got, at = FrameReader(), [], 0
        while at < len(stream):
            step = chance.randint(1, longest)
            got += reader.feed(stream[at : at + step])
            at += step
        assert got == sent


def test_a_run_is_framed_packet_by_packet() -> None:
    run = bytes(range(25))
    assert FrameReader().feed(framed(run, 10)) == [run[:10], run[10:20], run[20:]]
    assert FrameReader().feed(framed(memoryview(run), 25)) == [run]
    assert FrameReader().feed(framed(run[:20], 10)) == [run[:10], run[10:20]]


def test_an_empty_frame_is_no_datagram() -> None:
    assert FrameReader().feed(b"\0\0\0\1a\0\0") == [b"a"]


def test_it_reads_no_more_frames_than_are_wanted_and_says_what_it_left() -> None:
    reader = FrameReader()
    assert reader.feed(b"\0") == []
    fed = b"\1a\0\0\0\1b\0"
    assert (reader.feed(fed, 2), reader.unread) == ([b"a"], 4)  # the empty frame was one
    assert (reader.feed(fed[-4:], 1), reader.unread) == ([b"b"], 0)
    assert (reader.feed(b"\1c\0", 1), reader.unread) == ([b"c"], 0)
    assert (reader.feed(b"\1d\0\1", 1), reader.unread) == ([b"d"], 2)


def test_a_long_frame_is_refused_by_its_length_alone() -> None:
    reader = FrameReader()
    longest = MAX_DATAGRAM.to_bytes(2)
    assert reader.feed(longest) == []
    assert reader.feed(bytes(MAX_DATAGRAM)) == [bytes(MAX_DATAGRAM)]
    with pytest.raises(FrameError):
        reader.feed((MAX_DATAGRAM + 1).to_bytes(2))
