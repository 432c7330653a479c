"""A viewer that changes layers at keyframes sees numbers of pictures that only go up."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.payload.picture_id import frame_number, picture_id
from media.rtp.packet import RtpPacket
from media.tracks.layer_ids import LayerIds, PictureIds
from tests.support.runs import run_of

DESCRIPTOR = 5
TICKS = 1  # the least from one picture to the next
HALF = 1 << 14


def packet(
    number: int,
    timestamp: int,
    *,
    starts: bool = True,
    key: bool = False,
    frame: int | None = None,
    codec: str = "VP8",
) -> RtpPacket:
    """A packet of the picture with this id of 15 bits, and this frame number."""
    numbered = (number & 0x7FFF | 0x8000).to_bytes(2)
    if codec == "VP8":
        payload = bytes((0x80 | starts << 4, 0x80)) + numbered + bytes((not key, 0))
    else:
        payload = bytes((0x80 | (not key) << 6 | starts << 3 | 0x02 * key,)) + numbered + bytes(2)
    extensions = () if frame is None else ((3, b"x"), (DESCRIPTOR, b"\x80" + (frame & 0xFFFF).to_bytes(2)))
    return RtpPacket(False, False, 96, 0, timestamp & 0xFFFFFFFF, 1, extensions, payload)


def continued(layer: LayerIds, sent: RtpPacket) -> RtpPacket:
    """With the numbers that viewers get."""
    run = run_of(sent)
    layer.renumber(run)
    return run.packet(0)


def id_of(sent: RtpPacket, codec: str = "VP8") -> int:
    found = picture_id(codec, sent.payload)
    assert found is not None
    return found.value


def frame_of(sent: RtpPacket) -> int:
    found = frame_number(dict(sent.extensions)[DESCRIPTOR])
    assert found is not None
    return found.value


@dataclass
class Encoder:
    """One layer of a publisher, and what becomes of its pictures' numbers."""

    ids: LayerIds
    codec: str
    first: int
    timestamp: int
    sent: list[bool] = field(default_factory=list)  # of each picture, whether it is a keyframe
    arrived: int = -1  # the newest picture of which a packet came
    given: dict[int, set[tuple[int, int]]] = field(default_factory=dict)

    def send(self, picture: int, place: int) -> tuple[int, int]:
        """A packet of that picture arrives; its two numbers as viewers get them."""
        number = self.first + picture
        sent = continued(
            self.ids,
            packet(
                number,
                self.timestamp + picture * TICKS,
                starts=place == 0,
                key=self.sent[picture],
                frame=3 * number,
                codec=self.codec,
            ),
        )
        numbers = id_of(sent, self.codec), frame_of(sent)
        self.given.setdefault(picture, set()).add(numbers)
        self.arrived = max(self.arrived, picture)
        return numbers


# layer, whether its next picture is a keyframe, and after how many more pictures of it each packet comes
PICTURES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.booleans(),
        st.lists(st.sampled_from([0, 0, 0, 0, 1, 3]), min_size=1, max_size=3),
        st.sampled_from([True, True, False]),
    ),
    min_size=12,
    max_size=60,
)
FIRST = st.tuples(st.integers(0, 0x7FFF), st.integers(0, 0xFFFFFFFF))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["VP8", "VP9"]), st.lists(FIRST, min_size=3, max_size=3), PICTURES)
def test_whatever_comes_first_a_viewer_sees_numbers_go_up_and_pictures_whole(
    codec: str, firsts: list[tuple[int, int]], pictures: list[tuple[int, bool, list[int], bool]]
) -> None:
    shared = PictureIds()
    layers = [Encoder(LayerIds(shared, codec, DESCRIPTOR), codec, *first) for first in firsts]
    held: list[tuple[int, int, int, int]] = []  # layer, and the picture before which it comes; picture, place
    watched, newest, before = -1, -1, (-1, -1)

    def arrive(number: int, picture: int, place: int, change: bool = False) -> None:
        nonlocal watched, newest, before
        layer = layers[number]
        in_order = picture > layer.arrived
        ids = layer.send(picture, place)
        if change and place == 0 and layer.sent[picture] and in_order:
            watched, newest = number, picture - 1
        if watched == number and picture > newest:
            newest = picture
            if before != (-1, -1):
                assert 0 < (ids[0] - before[0]) % 0x8000 < HALF
                assert 0 < (ids[1] - before[1]) % 0x10000 < 0x8000
            before = ids

    for number, key, delays, change in pictures:
        layer = layers[number]
        picture = len(layer.sent)
        layer.sent.append(key)
        for place, delay in enumerate(delays):
            if delay:
                held.append((number, picture + delay, picture, place))
            else:
                arrive(number, picture, place, change)
        due = [late for late in held if late[0] == number and late[1] <= picture]
        held = [late for late in held if late not in due]
        for _, _, late, place in due:
            arrive(number, late, place)
    for layer in layers:
        assert all(len(numbers) == 1 for numbers in layer.given.values())
        for picture in layer.given:
            if picture - 1 in layer.given and not layer.sent[picture]:
                ((now, frame),), ((former, former_frame),) = layer.given[picture], layer.given[picture - 1]
                assert ((now - former) % 0x8000, (frame - former_frame) % 0x10000) == (1, 3)


def test_a_single_layer_keeps_the_numbers_that_it_has() -> None:
    layer = LayerIds(PictureIds(), "VP8", DESCRIPTOR)
    for number in range(0x7FF0, 0x8010):
        frame = number if number % 3 else None  # some packets have none
        sent = packet(number, number * TICKS, key=number % 8 == 0, frame=frame)
        assert continued(layer, sent) == sent


def test_another_layer_goes_on_above_the_highest_and_again_at_each_keyframe() -> None:
    shared = PictureIds()
    high, low = LayerIds(shared, "VP8", 0), LayerIds(shared, "VP8", 0)
    assert [id_of(continued(high, packet(n, n * TICKS, key=n == 100))) for n in (100, 101)] == [100, 101]
    assert [id_of(continued(low, packet(n, n * TICKS, key=n == 7))) for n in (7, 8)] == [102, 103]
    assert id_of(continued(high, packet(102, 102 * TICKS))) == 102
    assert id_of(continued(high, packet(103, 103 * TICKS, key=True))) == 104
    assert id_of(continued(low, packet(9, 9 * TICKS))) == 104  # no keyframe: the distance stays
    late = packet(102, 102 * TICKS, starts=False)
    assert id_of(continued(high, late)) == 102


@pytest.mark.parametrize("highest", [0, 20_000])
def test_a_stream_that_takes_a_layer_over_goes_on_above_the_former(highest: int) -> None:
    shared = PictureIds()
    layer, other = LayerIds(shared, "VP8", DESCRIPTOR), LayerIds(shared, "VP8", DESCRIPTOR)

    def above(layer: LayerIds, number: int, at: int, *, key: bool = False) -> tuple[int, int]:
        sent = continued(layer, packet(number, at * TICKS, key=key, frame=3 * (number - 3)))
        return id_of(sent) - highest, frame_of(sent) - 3 * highest

    continued(layer, packet(highest, 5 * TICKS, key=True, frame=3 * highest))
    layer.restart()
    assert above(layer, 3, 0) == (1, 1)
    assert above(layer, 4, 1) == (2, 4)
    assert above(other, 9, 0, key=True) == (3, 5)
    assert above(layer, 5, 2, key=True) == (4, 7)
    assert above(layer, 6, 3) == (5, 10)
    assert above(layer, 5, 2) == (4, 7)  # late, but no keyframe of the former stream counts
    assert above(layer, 3, 0) == (1, 1)
    assert above(layer, 30, 27, key=True) == (29, 82)  # what was lost in between leaves its gap


def test_a_picture_from_before_the_first_one_keeps_its_distance() -> None:
    layer = LayerIds(PictureIds(), "VP8", 0)
    assert [id_of(continued(layer, packet(n, n * TICKS))) for n in (40, 39)] == [40, 39]


@pytest.mark.parametrize("bits", [7, 15])
def test_numbers_wrap_in_the_form_that_the_publisher_uses(bits: int) -> None:
    shared = PictureIds()
    high, low = LayerIds(shared, "VP8", 0), LayerIds(shared, "VP8", 0)
    last = (1 << bits) - 1

    def sent(number: int, at: int, key: bool) -> RtpPacket:
        field = bytes((number,)) if bits == 7 else (number | 0x8000).to_bytes(2)
        return RtpPacket(False, False, 96, 0, at, 1, (), b"\x90\x80" + field + bytes((not key, 0)))

    assert id_of(continued(high, sent(last, 0, True))) == last
    assert id_of(continued(low, sent(9, 0, True))) == 0
    assert id_of(continued(high, sent(0, TICKS, False))) == 0
    assert id_of(continued(high, sent(1, 2 * TICKS, True))) == 1


@given(
    st.sampled_from(["VP8", "VP9", "AV1", "H264"]),
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFFFFFF),
            st.binary(max_size=8),
            st.lists(st.tuples(st.just(DESCRIPTOR), st.binary(max_size=5)), max_size=2),
        ),
        max_size=20,
    ),
)
def test_hostile_packets_do_no_harm(
    codec: str, packets: list[tuple[int, bytes, list[tuple[int, bytes]]]]
) -> None:
    layer = LayerIds(PictureIds(), codec, DESCRIPTOR)
    for timestamp, payload, extensions in packets:
        sent = RtpPacket(False, False, 96, 0, timestamp, 1, tuple(extensions), payload)
        got = continued(layer, sent)
        assert len(got.payload) == len(payload)
        assert [len(value) for _, value in got.extensions] == [len(value) for _, value in extensions]
