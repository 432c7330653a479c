"""Redundant sound as bytes (RFC 2198)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.red import MOST_BLOCKS, MOST_LENGTH, MOST_OCTETS, MOST_OFFSET, Earlier, RedError, build, parse

OPUS = 111
fitting = st.builds(Earlier, st.integers(1, MOST_OFFSET), st.binary(min_size=1, max_size=300))


def test_a_packet_with_one_before_it_is_as_the_rfc_says() -> None:
    built = build(OPUS, b"now", [Earlier(960, b"then!")])
    assert built == bytes((0x80 | OPUS, 960 >> 6, (960 & 0x3F) << 2, 5, OPUS)) + b"then!now"


@given(st.binary(max_size=200), st.lists(fitting, max_size=3))
def test_what_is_built_is_read_again(primary: bytes, earlier: list[Earlier]) -> None:
    assert parse(build(OPUS, primary, earlier), OPUS) == (primary, earlier)


def test_the_farthest_and_the_nearest_the_longest_and_the_shortest_are_built() -> None:
    earlier = [Earlier(MOST_OFFSET, bytes(MOST_LENGTH)), Earlier(1, b"x")]
    assert parse(build(OPUS, b"now", earlier), OPUS) == (b"now", earlier)


@pytest.mark.parametrize(
    "each",
    [
        Earlier(0, b"x"),
        Earlier(MOST_OFFSET + 1, b"x"),
        Earlier(960, b""),
        Earlier(960, bytes(MOST_LENGTH + 1)),
    ],
)
def test_a_block_that_does_not_fit_its_header_is_left_out(each: Earlier) -> None:
    beside = Earlier(480, b"fits")
    assert parse(build(OPUS, b"now", [each, beside]), OPUS).earlier == [beside]
    assert build(OPUS, b"now", [each]) == bytes((OPUS,)) + b"now"


@given(st.integers(0, 1_400), st.lists(st.integers(1, MOST_LENGTH), max_size=4))
def test_no_packet_is_made_so_long_that_it_is_cut_into_fragments(primary: int, sizes: list[int]) -> None:
    earlier = [Earlier(960 * (len(sizes) - n), bytes(size)) for n, size in enumerate(sizes)]
    assert len(build(OPUS, bytes(primary), earlier)) <= max(MOST_OCTETS, primary + 1)


def test_the_nearest_packet_has_room_first() -> None:
    far, near = Earlier(1920, bytes(600)), Earlier(960, bytes(500))
    assert parse(build(OPUS, bytes(300), [far, near]), OPUS).earlier == [near]
    for more, length in ((0, MOST_OCTETS), (1, 301)):
        assert len(build(OPUS, bytes(300), [Earlier(960, bytes(MOST_OCTETS - 305 + more))])) == length


def block(kind: int, offset: int, length: int) -> bytes:
    return ((0x80 | kind) << 24 | offset << 10 | length).to_bytes(4)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        block(OPUS, 960, 1),
        block(OPUS, 960, 1)[:3],
        block(OPUS, 960, 2) + bytes((OPUS,)) + b"x",
        block(OPUS, 960, MOST_LENGTH) + bytes((OPUS,)),
        block(OPUS, 960, 0) * MOST_BLOCKS + bytes((OPUS,)),
        b"\x0d",
    ],
)
def test_what_is_no_redundant_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(RedError):
        parse(payload, OPUS)


def test_blocks_of_other_formats_are_left_out() -> None:
    payload = block(13, 960, 2) + block(OPUS, 480, 1) + bytes((OPUS,)) + b"cnOP"
    assert parse(payload, OPUS) == (b"P", [Earlier(480, b"O")])
