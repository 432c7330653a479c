"""What the ends of a relay tell each other reads back as it was said. Nothing else is taken for it."""

from collections.abc import Callable
from typing import Any

import pytest
from aiortc import rtp as other

from media.relay.messages import (
    MOST_LAYERS,
    LayerFigures,
    layer_figures,
    leaves,
    read_figures,
    read_round_trip,
    read_starved,
    read_takes,
    read_wanted,
    round_trip,
    says_leaves,
    starved_layers,
    takes_edges,
    wanted_layers,
)
from media.rtp.rtcp import Packet, Pli, parse_compound, receiver_report
from media.rtp.rtcp_app import App

FORMS = (LayerFigures(0xFFFFFFFF, 2_500_000, 1280, 720), LayerFigures(7, 0))
SAID: list[tuple[bytes, Callable[[Packet], Any], object]] = [  # a message, who reads it, and what it says
    (wanted_layers(1, [2, 0xFFFFFFFF]), read_wanted, frozenset((2, 0xFFFFFFFF))),
    (wanted_layers(1, []), read_wanted, frozenset()),
    (starved_layers(1, [2, 0xFFFFFFFF]), read_starved, frozenset((2, 0xFFFFFFFF))),
    (starved_layers(1, []), read_starved, frozenset()),
    (layer_figures(1, FORMS), read_figures, FORMS),
    (takes_edges(1, 100), read_takes, 100),
    (leaves(1), says_leaves, True),
    (round_trip(1, 0.0834), read_round_trip, 0.083),  # in milliseconds
]
READERS = {reader for _, reader, _ in SAID}


def only(data: bytes) -> Packet:
    [packet] = parse_compound(data)
    return packet


@pytest.mark.parametrize(("message", "reader", "says"), SAID)
def test_a_message_reads_back_and_is_taken_for_no_other(
    message: bytes, reader: Callable[[Packet], Any], says: object
) -> None:
    assert reader(only(message)) == says
    assert not any(another(only(message)) for another in READERS - {reader})


def test_figures_are_cut_to_what_their_fields_hold() -> None:
    said = layer_figures(1, [LayerFigures(2, 1 << 40, 1 << 20, 1 << 20)])
    assert read_figures(only(said)) == (LayerFigures(2, 0xFFFFFFFF, 0xFFFF, 0xFFFF),)


@pytest.mark.parametrize("packet", [Pli(1, 2), App(1, b"TAKE", b""), App(1, b"TRIP", b"")])
def test_other_packets_and_those_that_are_cut_off_are_no_message(packet: Packet) -> None:
    assert [reader(packet) for reader in READERS if reader is not says_leaves] == [None] * (len(READERS) - 1)
    assert not says_leaves(packet)


def test_a_message_of_odd_length_is_read_as_far_as_it_goes() -> None:
    assert read_figures(App(1, b"LAYR", bytes(20))) == (LayerFigures(0, 0),)
    assert read_wanted(App(1, b"WANT", b"\0\0\0\2\0")) == frozenset((2,))


def test_no_message_is_longer_than_a_picture_has_layers() -> None:
    many = range(1, 10_000)
    assert read_wanted(only(wanted_layers(1, many))) == frozenset(range(1, MOST_LAYERS + 1))
    figures = read_figures(only(layer_figures(1, (LayerFigures(n, 1) for n in range(5_000)))))
    assert len(figures or ()) == MOST_LAYERS


def test_the_frame_is_that_of_rfc_3550() -> None:
    """Behind a report, as RTCP has it: who does not know the name still finds the packets around it."""
    compound = receiver_report(1, ()) + wanted_layers(1, [2]) + receiver_report(3, ())
    theirs = [packet for packet in other.RtcpPacket.parse(compound) if isinstance(packet, other.RtcpRrPacket)]
    assert [packet.ssrc for packet in theirs] == [1, 3]
    assert wanted_layers(1, [2])[:2] == bytes((0x80, 204))
    assert wanted_layers(1, [2])[4:12] == b"\0\0\0\1WANT"
