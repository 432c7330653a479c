"""A track as a room sends it: what it holds for retransmission, and knows of its layers."""

import pytest

from media.rtp.packet import parse
from media.rtp.run import Run
from media.rtp.sequence import WRAP_GUARD
from media.tracks.history import MAX_AGE_SECONDS
from media.tracks.keyframe_requests import ANSWER_SECONDS, PROOF
from media.tracks.picture_cache import MAX_AGE_SECONDS as PICTURES_SECONDS
from media.tracks.sent_track import (
    FRESH_SECONDS,
    GOES_ON_SECONDS,
    HeldKeyframe,
    JoinBurstMode,
    SentTrack,
)
from tests.support.far_end import one_byte, rtp, two_byte
from tests.support.picture_world import DELTA, KEY
from tests.support.published import VIDEO
from tests.support.rtp_source import encode_video
from tests.support.runs import indexes, run_of
from tests.unit.media.payload.shown import units_of

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
        assert track.find(0x8005, now) is None
    assert track.group() == [first, second]


def test_a_keyframe_is_known_by_what_is_in_it_wherever_it_is_held() -> None:
    def held(first: int, *payloads: bytes | None) -> HeldKeyframe | None:
        track = SentTrack(SSRC, codec="VP8", join_burst="on")
        for number, payload in enumerate(payloads):
            if payload is None:
                continue
            of_keyframe = number < 2
            packet = rtp(first + number, payload, ssrc=SSRC, timestamp=first if of_keyframe else first + 3000)
            track.keep(run_of(packet, track=VIDEO, ssrc=SSRC, first=first + number), 10.0)
        return track.held_keyframe()

    begins, rest = KEY + b"begins", b"\x00rest"
    here = held(5, begins, rest, DELTA, DELTA)
    assert here is not None
    assert here[1:] == (5, 5, 4)
    assert held(70, begins, rest, DELTA) == (here.digest, 70, 70, 3)
    assert held(5, begins, b"\x00other", DELTA) not in (None, here)
    assert held(5, begins, rest, DELTA, None, DELTA) == (here.digest, 5, 5, 3)  # what is missing is to come
    assert held(5, begins, rest) is None  # more of it may follow
    assert held(5) is None


def test_it_learns_from_each_keyframe_what_its_layers_are() -> None:
    track = SentTrack(SSRC, join_burst="off")
    track.publish("VP8", deaf=False, descriptor=1)
    structure = bytes.fromhex("800001800104eaac851450460404fc03bc")  # of two temporal layers
    track.keep(picture(5, KEY, two_byte((1, structure))), 1.0)
    delta = picture(6, DELTA, one_byte((1, bytes.fromhex("830002"))))
    track.keep(delta, 1.1)
    assert track.temporal.top == 1
    assert track.temporal.layer(delta.packet(0)) == 1
    track.publish("VP8", deaf=False)  # somebody else, who sends no descriptors
    track.keep(picture(7, KEY, two_byte((1, structure))), 1.2)
    assert track.temporal.top == 0
    assert track.temporal.layer(delta.packet(0)) is None


def test_it_counts_the_latest_keyframes_that_came_without_parameter_sets() -> None:
    """Those of a keyframe are in packets before it, with its timestamp."""
    track = SentTrack(SSRC, codec="H264", join_burst="off")
    sps, idr, delta = (
        bytes.fromhex(payload)
        for payload in ("6742c014da0507e840000003004000000f23c50aa8", "6588ff", "419aff")
    )
    counted = []
    for index, (stamp, payload) in enumerate([(0, idr), (0, idr), (1, delta), (2, idr), (3, sps), (3, idr)]):
        packet = rtp(index, payload, ssrc=SSRC, timestamp=stamp)
        track.keep(run_of(packet, track=VIDEO, ssrc=SSRC, first=index), 1.0)
        counted.append(track.bare_keyframes)
    assert counted == [1, 1, 1, 2, 0, 0]
    track.keep(picture(6, idr), 1.0)
    assert track.bare_keyframes == 1
    late = rtp(7, sps, ssrc=SSRC, timestamp=3000 * 6)  # behind its slice, which was not lost
    track.keep(run_of(late, track=VIDEO, ssrc=SSRC, first=7), 1.0)
    assert track.bare_keyframes == 0
    track.keep(picture(8, idr), 1.0)
    track.publish("H264", deaf=False)
    assert track.bare_keyframes == 0
    track.publish("VP8", deaf=False)
    track.keep(picture(9, KEY[:1]), 1.0)  # cut
    assert track.bare_keyframes == 0


def test_a_keyframe_of_h265_that_begins_with_another_set_has_them_all() -> None:
    """GStreamer sends each in a packet of its own, that of the video first."""
    track = SentTrack(SSRC, codec="H265", join_burst="off")
    [keyframe] = encode_video("H265", 1 / 30)
    for index, unit in enumerate(units_of(keyframe)):
        packet = rtp(index, unit, ssrc=SSRC, timestamp=7)
        track.keep(run_of(packet, track=VIDEO, ssrc=SSRC, first=index), 1.0)
    assert track.keyframe_at == 1.0
    assert track.bare_keyframes == 0


def test_a_run_is_kept_as_its_packets() -> None:
    together, singly = (SentTrack(SSRC, codec="VP8", join_burst="on") for _ in range(2))
    for n, run in enumerate(
        [[5, 6, 7], [8], [9], [11], [10], [12, 13], [14, 15, 16, 17], [18, 19], [20, 21]]
    ):
        payloads = [KEY if index in (6, 15, 16, 18, 21) else DELTA for index in run]
        stamps = [{16: 15, 20: 18, 21: 18}.get(index, index) for index in run]
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
    assert indexes(together.group()) == [18, 19, 20, 21]


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


def test_a_keyframe_counts_while_its_layer_goes_on() -> None:
    track = SentTrack(SSRC, codec="VP8", join_burst="off")
    assert track.keyframe_since(0.0, 1.0) is None
    key = picture(5, KEY)
    track.keep(key, 10.0)
    assert track.keyframe_since(9.9, 10.0 + GOES_ON_SECONDS) is key
    assert track.keyframe_since(10.0, 10.0) is None
    assert track.keyframe_since(9.9, 10.1 + GOES_ON_SECONDS) is None
    for n in range(1, 6):
        track.keep(picture(5 + n, DELTA), 10.0 + n * GOES_ON_SECONDS)
    assert track.keyframe_since(9.9, 10.0 + MAX_AGE_SECONDS) is key
    assert track.keyframe_since(9.9, 10.1 + MAX_AGE_SECONDS) is None  # it is not held any more


def published(join_burst: JoinBurstMode, *, answers: bool = True) -> SentTrack:
    """A track whose publisher has answered requests, or has not; its latest keyframe came at 10.0."""
    track = SentTrack(SSRC, join_burst=join_burst)
    track.publish("VP8", deaf=False)
    assert track.requests is not None
    for n in range(PROOF):
        assert track.requests.want(float(n))
        track.requests.arrived(n + (0.1 if answers else ANSWER_SECONDS + 0.1))
    track.keep(picture(5, KEY), 10.0)
    track.keep(picture(6, DELTA), 10.0 + FRESH_SECONDS - 0.01)
    assert track.has_pictures is (join_burst != "off")
    track.keep(picture(7, DELTA), 10.0 + FRESH_SECONDS)
    return track


def test_pictures_are_held_as_long_as_it_is_decided() -> None:
    """Those of a publisher that answers, while its keyframe is fresh: then it is asked for another."""
    assert not published("off").has_pictures
    fresh, silent, always = published("auto"), published("auto", answers=False), published("on")
    assert (fresh.has_pictures, silent.has_pictures, always.has_pictures) == (False, True, True)
    assert indexes(always.group()) == [5, 6, 7]
    assert (fresh.asks_early, silent.asks_early, always.asks_early) == (False, True, True)
    assert not published("off").asks_early
    fresh.keep(picture(8, DELTA), 10.6)
    assert not fresh.has_pictures
    fresh.keep(picture(9, KEY), 10.7)
    assert indexes(fresh.group()) == [9]
    assert not fresh.asks_early


def test_a_viewer_may_begin_with_what_is_held_if_nothing_newer_is_likely() -> None:
    assert published("on").may_begin(11.0, 11.0)
    assert published("off").may_begin(11.0, 11.0)  # nothing is held
    assert published("auto", answers=False).may_begin(11.0, 11.0)
    track = SentTrack(SSRC)
    track.publish("VP8", deaf=False)
    track.keep(picture(5, KEY), 10.0)
    assert track.requests is not None
    assert track.may_begin(9.9, 20.0)  # the keyframe that it asked for
    assert track.may_begin(10.0, 20.0)
    assert track.may_begin(11.0, 10.0 + FRESH_SECONDS)
    assert not track.may_begin(11.0, 10.1 + FRESH_SECONDS)
    assert track.requests.want(11.0)
    assert not track.may_begin(11.0, 10.9 + ANSWER_SECONDS)
    assert track.may_begin(11.0, 11.0 + ANSWER_SECONDS)


@pytest.mark.parametrize("parts", [(0, 1), (1, 2)])
def test_a_keyframe_is_held_whole_when_the_pictures_before_it_are_too_old(parts: tuple[int, int]) -> None:
    track = SentTrack(SSRC, codec="VP8", join_burst="on")
    track.keep(picture(5, KEY), 10.0)
    packets = [rtp(6 + n, KEY if n in parts else DELTA, timestamp=900 * (n in parts)) for n in range(3)]
    run = run_of(*packets, track=VIDEO, ssrc=SSRC, first=6)
    track.keep(run.part(0, parts[1] + 1), 10.1 + PICTURES_SECONDS)
    assert indexes(track.group()) == [6 + n for n in parts]


def test_who_waits_for_a_keyframe_is_called_once() -> None:
    track = SentTrack(SSRC, codec="VP8", join_burst="off")
    called: list[tuple[str, int, float]] = []
    for name in ("one", "other", "gone"):
        track.await_keyframe(name, lambda run, now, name=name: called.append((name, run.first, now)))  # type: ignore[misc]
    track.forget("gone")
    track.forget("never there")
    assert track.awaiting_count == 2
    track.keep(picture(4, DELTA), 9.0)
    assert called == []
    for index in (5, 6):
        track.keep(picture(index, KEY), 10.0)
    assert sorted(called) == [("one", 5, 10.0), ("other", 5, 10.0)]
    assert track.awaiting_count == 0


def test_before_a_wrap_a_viewer_gets_what_came_before_a_keyframe() -> None:
    """RFC 3711 3.3.1: otherwise it would take the first number behind the wrap for one before it."""
    for left, wanted in ((WRAP_GUARD + 1, 0), (WRAP_GUARD, 1), (1, WRAP_GUARD)):
        track = SentTrack(SSRC, codec="VP8", join_burst="on")
        first = 0x20000 - left
        for index in range(first - WRAP_GUARD - 5, first):
            track.keep(picture(index, DELTA), 1.0)
        assert indexes(track.run_up(first)) == [*range(first - wanted, first)]
        track.keep(picture(first, KEY), 1.0)
        assert indexes(track.group()) == [*range(first - wanted, first + 1)]


def test_what_leads_up_to_a_keyframe_ends_before_the_parameter_sets_that_come_late() -> None:
    track = SentTrack(SSRC, codec="VP8", join_burst="on")
    first, late, last = 0x1FFFF - WRAP_GUARD, 0x1FFFD, 0x1FFFF
    for index in (*range(first, late), last - 1):
        track.keep(picture(index, DELTA), 1.0)
    track.keep(picture(last, KEY), 1.0)
    sets = rtp(late, KEY, ssrc=SSRC, timestamp=3000 * last)
    track.keep(run_of(sets, track=VIDEO, ssrc=SSRC, first=late), 1.0)
    assert indexes(track.group()) == [*range(first, late), late, last]


def test_too_short_a_run_up_is_none() -> None:
    for held, given in ((WRAP_GUARD // 2, False), (WRAP_GUARD // 2 + 1, True)):
        track = SentTrack(SSRC, codec="VP8", join_burst="off")
        for index in range(0x20000 - 1 - held, 0x20000 - 1):
            track.keep(picture(index, DELTA), 1.0)
        assert bool(track.run_up(0x20000 - 1)) is given
        track.codec = ""  # a track of sound has no keyframes
        assert track.run_up(0x20000 - 1) == []


def test_rates_are_measured_from_call_to_call() -> None:
    track = SentTrack(SSRC)
    index = 0

    def measured(packets: int, now: float) -> tuple[int, float]:
        nonlocal index
        for _ in range(packets):
            track.keep(picture(index, bytes(1000)), now)
            index += 1
        track.measure(now)
        return track.bitrate, track.packet_rate

    assert measured(5, 10.0) == (0, 0.0)
    assert measured(8, 12.0) == (32_000, 4.0)
    assert measured(10, 12.5) == (96_000, 20.0)  # halfway to 160,000
    assert measured(0, 12.5) == (96_000, 20.0)
    assert measured(0, 13.0) == (0, 0.0)
    track.announced = 7_000  # a copy's origin says so: here it is not watched
    assert measured(0, 14.0) == (7_000, 0.0)
    assert measured(1, 14.5) == (11_500, 2.0)


def test_an_index_to_begin_with_is_no_number_of_packets() -> None:
    """Sound that began after its room once seemed to need 11 Mbit/s: no line had room for copies of it."""
    track = SentTrack(SSRC)
    track.measure(9.0)
    rates = []
    for now, first in ((10.0, 34_000), (11.0, 34_050)):
        for index in range(first, first + 50):
            track.keep(picture(index, bytes(160)), now)
        track.measure(now)
        rates.append(track.packet_rate)
    assert rates == [0.0, 50.0]


def test_of_a_keyframe_what_came_before_its_first_packet_belongs_to_it() -> None:
    for held, begins in (((3, 4), 3), ((4,), 4), ((3,), 5), ((2, 4), 4), ((2, 3, 4), 3), ((), 5)):
        track = SentTrack(SSRC, codec="VP8", join_burst="off")
        for index in held:
            packet = rtp(index, DELTA, timestamp=900 * (index > 2))  # 2 is of the picture before
            track.keep(run_of(packet, track=VIDEO, ssrc=SSRC, first=index), 1.0)
        last = rtp(5, KEY, timestamp=900, marker=True)
        track.keep(run_of(last, track=VIDEO, ssrc=SSRC, first=5), 1.0)
        assert len(track.latest_keyframe()) == 6 - begins
