"""RTP packets taken apart and put together: aiortc's parser is the second opinion."""

import pytest
from aiortc.rtp import RtpPacket as OtherPacket
from aiortc.rtp import unpack_header_extensions
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.extensions import extension_block, map_extensions, read_extensions
from media.rtp.packet import RtpError, RtpPacket, build_header, is_rtcp, parse
from tests.support.far_end import one_byte, rtp, two_byte

EXTENSIONS = ((1, b"\x01"), (3, b"abc"), (14, b"sixteen bytes ok"))


def elements(block: bytes) -> list[tuple[int, bytes]]:
    """An extension block with its header, read by aiortc."""
    assert int.from_bytes(block[2:4]) * 4 == len(block) - 4
    read: list[tuple[int, bytes]] = unpack_header_extensions(int.from_bytes(block[:2]), block[4:])
    return read


# --- taking apart


def test_every_field_is_read() -> None:
    data = rtp(
        0xFFFE,
        b"data",
        payload_type=127,
        timestamp=0xFFFFFFFF,
        ssrc=0x80000001,
        marker=True,
        padding=4,
        csrcs=range(15),
        extension=one_byte(*EXTENSIONS),
    )
    assert parse(data) == RtpPacket(
        padding=True,
        marker=True,
        payload_type=127,
        sequence=0xFFFE,
        timestamp=0xFFFFFFFF,
        ssrc=0x80000001,
        extensions=EXTENSIONS,
        payload=b"data\0\0\0\x04",
    )


@pytest.mark.parametrize("payload_type", [0, 1, 127])
@pytest.mark.parametrize("csrcs", [(), (1,)])
def test_a_marker_is_told_from_the_payload_type(payload_type: int, csrcs: tuple[int, ...]) -> None:
    for marker in (False, True):
        packet = parse(rtp(payload_type=payload_type, marker=marker, csrcs=csrcs))
        assert (packet.marker, packet.payload_type, packet.padding) == (marker, payload_type, False)


def test_a_header_alone_is_a_packet() -> None:
    for extension in (None, (0xBEDE, b""), one_byte((1, b"x"))):
        packet = parse(rtp(5, b"", extension=extension))
        assert (packet.sequence, packet.payload, len(packet.extensions)) == (
            5,
            b"",
            bool(extension and extension[1]),
        )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        rtp()[:11],
        b"\x40" + rtp()[1:],  # version 1
        b"\xc0" + rtp()[1:],  # version 3
        rtp(payload=b"", csrcs=(1, 2))[:-1],
        rtp(payload=b"", extension=(0xBEDE, b""))[:-1],
        rtp(payload=b"", extension=(0xBEDE, bytes(8)))[:-1],
        b"\x9f" + rtp(payload=b"x")[1:],
    ],
)
def test_what_is_cut_or_of_another_version_is_no_packet(data: bytes) -> None:
    with pytest.raises(RtpError):
        parse(data)


@pytest.mark.parametrize("form", [one_byte, two_byte])
def test_both_forms_of_extensions(form: type) -> None:
    assert parse(rtp(extension=form(*EXTENSIONS))).extensions == EXTENSIONS


def test_two_byte_elements_may_be_empty_and_long() -> None:
    wanted = ((200, b""), (15, bytes(255)))
    assert parse(rtp(extension=two_byte(*wanted))).extensions == wanted


@pytest.mark.parametrize(
    ("profile", "block", "wanted"),
    [
        (0xBEDE, b"\x00\x00\x10\x07", ((1, b"\x07"),)),  # padding before
        (0xBEDE, b"\x10\x07\xf0\x20", ((1, b"\x07"),)),  # RFC 8285 4.2: 15 ends it
        (0xBEDE, b"\x10\x07\x01\x20\x20\x20\x00\x00", ((1, b"\x07"),)),  # and 0, but for padding
        (0xBEDE, b"\x10\x07\x2f\x00", ((1, b"\x07"),)),  # the second is cut
        (0x1005, b"\x09\x01\x07\x00", ((9, b"\x07"),)),  # the application's bits
        (0x100F, b"\x09\x01\x07\x00", ((9, b"\x07"),)),
        (0x9000, b"\x09\x01\x07\x00", ()),
        (0x1010, b"\x09\x01\x07\x00", ()),
        (0x1000, b"\x09\x05\x07\x00", ()),
        (0x1000, b"\x09\x03\x07\x00", ()),
        (0x1000, b"\x00\x00\x00\x09", ()),
        (0xABCD, b"\x10\x07\x00\x00", ()),  # RFC 3550 5.3.1: somebody's own
    ],
)
def test_of_odd_extension_blocks_the_readable_elements_are_read(
    profile: int, block: bytes, wanted: tuple[tuple[int, bytes], ...]
) -> None:
    assert read_extensions(profile, block) == wanted


def test_rtcp_is_told_by_its_types() -> None:
    """RFC 5761 4: from 192 to 223, which no payload type of RTP gives, with its marker or without."""
    assert [kind for kind in range(256) if is_rtcp(bytes((0x80, kind)))] == [*range(192, 224)]


# --- putting together


def test_elements_get_the_viewers_ids_and_unknown_ones_are_dropped() -> None:
    block = extension_block(map_extensions(EXTENSIONS, {1: 7, 14: 2}))
    assert elements(block) == [(7, b"\x01"), (2, b"sixteen bytes ok")]
    assert block[:2] == b"\xbe\xde"


def test_a_block_has_no_more_words_than_its_elements() -> None:
    assert extension_block(((1, b"abc"),)) == b"\xbe\xde\0\1\x12abc"
    assert extension_block(((1, b"abcd"),)) == b"\xbe\xde\0\2\x13abcd\0\0\0"


def test_no_block_without_an_element() -> None:
    assert extension_block(map_extensions(EXTENSIONS, {})) == b""


@pytest.mark.parametrize(
    "extensions",
    [
        [(15, b"\x01")],  # 15 has no place in the one-byte form
        [(255, b"\x01")],
        [(1, b"")],
        [(1, bytes(17))],
        [(3, b"\x01"), (4, bytes(255))],
    ],
)
def test_what_does_not_fit_one_byte_goes_out_in_two(extensions: list[tuple[int, bytes]]) -> None:
    block = extension_block(extensions)
    assert block[:2] == b"\x10\x00"
    assert elements(block) == extensions


def test_a_header_on_another_wire() -> None:
    packet = parse(
        rtp(9, b"data", marker=True, padding=3, csrcs=(1, 2), extension=one_byte((5, b"ab")), ssrc=1)
    )
    block = extension_block(map_extensions(packet.extensions, {5: 6}))
    header = build_header(packet, 101, 0xABCD, 77, 0xFEED, block)
    other = OtherPacket.parse(header + packet.payload)
    assert (other.payload_type, other.sequence_number, other.timestamp, other.ssrc) == (
        101,
        0xABCD,
        77,
        0xFEED,
    )
    assert (other.marker, other.csrc, other.padding_size, other.payload) == (1, [], 3, b"data")
    assert header[0] == 0xB0
    assert elements(header[12:]) == [(6, b"ab")]


@given(st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=40)), max_size=12))
def test_extensions_survive_any_change_of_ids(extensions: list[tuple[int, bytes]]) -> None:
    ids = {number: 256 - number for number, _ in extensions}
    block = extension_block(map_extensions(tuple(extensions), ids))
    read = read_extensions(int.from_bytes(block[:2]), block[4:]) if block else ()
    assert read == tuple((ids[number], value) for number, value in extensions)
    assert not block or 4 * int.from_bytes(block[2:4]) == len(block) - 4
