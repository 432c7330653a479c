"""What a relay's ends say about who feeds whom reads back as it was said. Nothing else is taken for it."""

from media.relay.layer_messages import wanted_layers
from media.relay.tier_messages import leaves, read_takes, says_leaves, takes_edges
from media.rtp.rtcp import Packet, Pli, parse_compound
from media.rtp.rtcp_app import App


def only(data: bytes) -> Packet:
    [packet] = parse_compound(data)
    return packet


def test_they_read_back() -> None:
    assert read_takes(only(takes_edges(1, 100))) == 100
    assert says_leaves(only(leaves(1)))


def test_one_message_is_not_taken_for_the_other() -> None:
    for packet in (only(leaves(1)), only(wanted_layers(1, [2])), Pli(1, 2), App(1, b"TAKE", b"")):
        assert read_takes(packet) is None
    for packet in (only(takes_edges(1, 1)), only(wanted_layers(1, [])), Pli(1, 2)):
        assert not says_leaves(packet)
