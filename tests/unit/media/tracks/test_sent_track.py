"""A track as a room sends it: what it holds for retransmission, and knows of its layers."""

from media.rtp.packet import parse
from media.rtp.run import Run
from media.tracks.history import MAX_AGE_SECONDS
from media.tracks.sent_track import SentTrack
from tests.support.far_end import one_byte, rtp, two_byte
from tests.support.picture_world import DELTA, KEY
from tests.support.published import VIDEO
from tests.support.runs import indexes, run_of

SSRC = 7


def picture(index: int, payload: bytes, extension: tuple[int, bytes] | None = None) -> Run:
    packet = rtp(index, payload, ssrc=SSRC, timestamp=3000 * index, extension=extension)
    return run_of(packet, track=VIDEO, ssrc=SSRC, first=index)


def test_an_index_stands_for_one_packet_however_old() -> None:
    """A plain retransmission is encrypted under the index of the original: it must be the original."""
    track = SentTrack(SSRC, codec="VP8", join_burst="on")
    first, second = picture(5, KEY + b"first"), picture(6, DELTA + b"second")
    for packet in (first, second, picture(6, DELTA + b"another"), picture(5, KEY + b"another")):
        track.keep(packet, 10.0)
    for now in (10.0, 10.0 + 2 * MAX_AGE_SECONDS):
        assert track.find(5, now) is first
        assert track.find(6, now) is second
    assert track.group() == [first, second]


def test_it_learns_from_each_keyframe_what_its_layers_are() -> None:
    track = SentTrack(SSRC, join_burst="off")
    track.publish("VP8", deaf=False, descriptor=4)
    structure = bytes.fromhex("800001800104eaac851450460404fc03bc")  # of two temporal layers
    track.keep(picture(5, KEY, two_byte((4, structure))), 1.0)
    delta = picture(6, DELTA, one_byte((4, bytes.fromhex("830002"))))
    track.keep(delta, 1.1)
    assert track.temporal.top == 1
    assert track.temporal.layer(delta.packet(0)) == 1
    track.publish("VP8", deaf=False)  # somebody else
    assert track.temporal.top == 0
    assert track.temporal.layer(delta.packet(0)) is None


def test_a_run_is_kept_as_its_packets() -> None:
    together, singly = (SentTrack(SSRC, codec="VP8", join_burst="on") for _ in range(2))
    for n, run in enumerate([[5, 6, 7], [8], [9], [11], [10], [12, 13], [14, 15, 16, 17], [18, 19]]):
        payloads = [KEY if index in (6, 15, 16, 18) else DELTA for index in run]
        stamps = [15 if index == 16 else index for index in run]
        packets = [
            rtp(index, payload, ssrc=SSRC, timestamp=3000 * stamp, marker=index % 2 == 0)
            for index, payload, stamp in zip(run, payloads, stamps, strict=True)
        ]
        whole = run_of(*packets, track=VIDEO, ssrc=SSRC, first=run[0])
        together.keep(whole, 10.0 + n)
        for place in range(len(run)):
            singly.keep(whole.part(place, place + 1), 10.0 + n)
        assert indexes(together.history.since(0)) == indexes(singly.history.since(0))
        assert indexes(together.group()) == indexes(singly.group())
        assert (together.octets, together.keyframe_octets) == (singly.octets, singly.keyframe_octets)
        assert together.keyframe_at == singly.keyframe_at
        assert together.latest_keyframe() == singly.latest_keyframe()
    assert indexes(together.group()) == [18, 19]


def test_the_latest_keyframe_is_given_whole_or_not_at_all() -> None:
    track = SentTrack(SSRC, codec="VP8", join_burst="off")
    packets = [rtp(n, KEY if n == 5 else DELTA, timestamp=900, marker=n == 8) for n in range(5, 9)]
    whole = run_of(*packets, track=VIDEO, ssrc=SSRC, first=5)
    track.keep(whole.part(0, 2), 1.0)
    assert track.latest_keyframe() == []
    track.keep(whole.part(3, 4), 1.0)
    assert track.latest_keyframe() == []
    track.keep(whole.part(2, 3), 1.0)
    assert track.latest_keyframe() == [parse(packet).payload for packet in packets]
