"""A viewer's numbers, as what encrypts for it takes them."""

from media.transport.address import numbers


def test_an_index_has_48_bits_and_what_is_added_to_a_timestamp_32() -> None:
    assert numbers(0x010203040506, -1) == bytes.fromhex("010203040506 ffffffff")
    assert numbers(7, 0x1_0000_0003) == bytes.fromhex("000000000007 00000003")
