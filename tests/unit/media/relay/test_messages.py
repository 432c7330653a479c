"""What the ends of a relay tell each other reads back as it was said. Nothing else is taken for it."""

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


def only(data: bytes) -> Packet:
    [packet] = parse_compound(data)
    return packet


def test_the_wanted_layers_read_back() -> None:
    assert read_wanted(only(wanted_layers(1, [2, 0xFFFFFFFF]))) == frozenset((2, 0xFFFFFFFF))
    assert read_wanted(only(wanted_layers(1, []))) == frozenset()


def test_the_layers_of_the_origin_read_back() -> None:
    assert read_figures(only(layer_figures(1, FORMS))) == FORMS


def test_the_starved_layers_read_back() -> None:
    assert read_starved(only(starved_layers(1, [2, 0xFFFFFFFF]))) == frozenset((2, 0xFFFFFFFF))
    assert read_starved(only(starved_layers(1, []))) == frozenset()


def test_figures_that_are_too_large_are_cut() -> None:
    [figures] = read_figures(only(layer_figures(1, [LayerFigures(2, 1 << 40, 1 << 20, 1 << 20)]))) or ()
    assert figures == LayerFigures(2, 0xFFFFFFFF, 0xFFFF, 0xFFFF)


def test_one_message_is_not_taken_for_the_other() -> None:
    assert read_figures(only(wanted_layers(1, [2, 3, 4]))) is None
    assert read_wanted(only(layer_figures(1, FORMS))) is None
    assert read_wanted(only(starved_layers(1, [2]))) is None
    assert read_starved(only(wanted_layers(1, [2]))) is None
    assert read_wanted(Pli(1, 2)) is None
    assert read_figures(Pli(1, 2)) is None


def test_a_message_of_odd_length_is_read_as_far_as_it_goes() -> None:
    assert read_figures(App(1, b"LAYR", bytes(20))) == (LayerFigures(0, 0),)
    assert read_wanted(App(1, b"WANT", b"\0\0\0\2\0")) == frozenset((2,))


def test_no_message_is_longer_than_a_picture_has_layers() -> None:
    many = range(1, 10_000)
    assert read_wanted(only(wanted_layers(1, many))) == frozenset(range(1, MOST_LAYERS + 1))
    assert (
        len(read_figures(only(layer_figures(1, (LayerFigures(n, 1) for n in range(5_000))))) or ())
        == MOST_LAYERS
    )


def test_the_frame_is_that_of_rfc_3550() -> None:
    """Behind a report, as RTCP has it: who does not know the name still finds the packets around it."""
    compound = receiver_report(1, ()) + wanted_layers(1, [2]) + receiver_report(3, ())
    theirs = [packet for packet in other.RtcpPacket.parse(compound) if isinstance(packet, other.RtcpRrPacket)]
    assert [packet.ssrc for packet in theirs] == [1, 3]
    assert wanted_layers(1, [2])[:2] == bytes((0x80, 204))
    assert wanted_layers(1, [2])[4:12] == b"\0\0\0\1WANT"


def test_what_is_said_of_feeding_reads_back() -> None:
    assert read_takes(only(takes_edges(1, 100))) == 100
    assert says_leaves(only(leaves(1)))


def test_what_is_said_of_feeding_is_not_taken_for_something_else() -> None:
    for packet in (only(leaves(1)), only(wanted_layers(1, [2])), Pli(1, 2), App(1, b"TAKE", b"")):
        assert read_takes(packet) is None
    for packet in (only(takes_edges(1, 1)), only(wanted_layers(1, [])), Pli(1, 2)):
        assert not says_leaves(packet)


def test_the_round_trip_reads_back_in_milliseconds() -> None:
    assert read_round_trip(only(round_trip(1, 0.0834))) == 0.083
    assert read_round_trip(only(leaves(1))) is None
    assert read_round_trip(App(1, b"TRIP", b"")) is None
