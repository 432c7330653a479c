"""A track as a room sends it: what it holds for retransmission, and knows of its layers."""

from msgspec.structs import replace

from media.rtp.packet import parse
from media.tracks.history import MAX_AGE_SECONDS
from media.tracks.outgoing import Outgoing
from media.tracks.sent_track import SentTrack
from tests.support.far_end import rtp
from tests.support.picture_world import DELTA, KEY
from tests.support.published import VIDEO

SSRC = 7


def picture(extended: int, payload: bytes) -> Outgoing:
    return Outgoing(VIDEO, SSRC, extended, 3000 * extended, parse(rtp(extended, payload, ssrc=SSRC)))


def test_an_index_stands_for_one_packet_however_old() -> None:
    """A plain retransmission is encrypted under the index of the original: it must be the original."""
    track = SentTrack(SSRC, codec="VP8", join_burst="on")
    first, second = picture(5, KEY + b"first"), picture(6, DELTA + b"second")
    for packet in (first, second, picture(6, DELTA + b"another"), picture(5, KEY + b"another")):
        track.keep(packet, 10.0)
    for now in (10.0, 10.0 + 2 * MAX_AGE_SECONDS):
        assert track.find(5, now) is first
        assert track.find(6, now) is second
    assert [packet for _, _, packet in track.group()] == [first, second]


def test_it_learns_from_each_keyframe_what_its_layers_are() -> None:
    track = SentTrack(SSRC, join_burst="off")
    track.publish("VP8", deaf=False, descriptor=4)
    structure = bytes.fromhex("800001800104eaac851450460404fc03bc")  # of two temporal layers

    def descriptor(value: bytes, extended: int, payload: bytes) -> Outgoing:
        one = picture(extended, payload)
        return replace(one, packet=replace(one.packet, extensions=((4, value),)))

    track.keep(descriptor(structure, 5, KEY), 1.0)
    delta = descriptor(bytes.fromhex("830002"), 6, DELTA)
    track.keep(delta, 1.1)
    assert track.temporal.top == 1
    assert track.temporal.layer(delta.packet) == 1
    track.publish("VP8", deaf=False)  # somebody else
    assert track.temporal.top == 0
    assert track.temporal.layer(delta.packet) is None


def test_a_run_is_kept_as_its_packets() -> None:
    together, singly = (SentTrack(SSRC, codec="VP8", join_burst="on") for _ in range(2))
    runs = [[5, 6, 7], [8], [9, 11, 10], [12, 13], [13, 14], [15, 16]]
    for n, run in enumerate(runs):
        packets = [picture(index, KEY if index in (6, 15) else DELTA) for index in run]
        together.keep_run(packets, 10.0 + n)
        for packet in packets:
            singly.keep(packet, 10.0 + n)
        assert together.history.since(0) == singly.history.since(0)
        assert together.group() == singly.group()
        assert (together.octets, together.keyframe_octets) == (singly.octets, singly.keyframe_octets)
    assert [index for index, _, _ in together.group()] == [15, 16]
