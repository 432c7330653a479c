"""A run of a publisher's packets does what its packets do one by one: the runs are only faster."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.extensions import MID_EXTENSION, TRANSPORT_CC_EXTENSION
from media.rtp.packet import RtpPacket
from media.rtp.rtcp import receiver_report
from media.rtp.run import Run
from media.rtp.srtp import Profile
from media.switch.wire import Wire
from shared.sdp.sources import Sources
from tests.support.far_end import one_byte, rtp
from tests.support.far_publisher import SOURCES, FarPublisher
from tests.support.published import sound, video
from tests.support.runs import JoinedBytes
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("each_sender")

KEYFRAME = b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00"
PAYLOADS = [KEYFRAME, b"\x10\x01\x00\x00", b"\x00\x00", b"\x00" + bytes(40), b""]
PUBLISHED = (
    video(
        feedback=("nack", "nack pli", "transport-cc"),
        extensions={TRANSPORT_CC_EXTENSION: 3, MID_EXTENSION: 4},
    ),
    sound(),
)
LAYERS = tuple(
    replace(PUBLISHED[0], layer=rank, sources=Sources(ssrcs=(ssrc,))) for rank, ssrc in enumerate(SOURCES)
)
NUMBERED = [b"\x90\x80" + bytes((0x80, number)) for number in (5, 6, 200)]  # VP8 with the id of the picture
# of each packet: track, payload, how far its timestamp is ahead of the one before, whether it has extensions


def packets_of(
    tracks: Sequence[int], payloads: Sequence[bytes]
) -> st.SearchStrategy[list[tuple[int, bytes, int, bool]]]:
    one = st.tuples(
        st.sampled_from(tracks),
        st.sampled_from(payloads),
        st.sampled_from([0, 0, 0, 3000, -3000]),
        st.sampled_from([False, False, True]),
    )
    return st.lists(one, min_size=1, max_size=30)


# what becomes of them on their way
fates = st.lists(
    st.sampled_from(["kept"] * 8 + ["lost", "late", "twice", "forged"]), min_size=30, max_size=30
)
splits = st.lists(st.integers(1, 12), min_size=30, max_size=30)


layered_payloads = [head + KEYFRAME[1:] for head in NUMBERED] + [head + b"\x01" for head in NUMBERED * 4]


@pytest.mark.parametrize(
    ("published", "packets"),
    [
        (PUBLISHED, packets_of([0, 0, 0, 1], PAYLOADS)),
        (LAYERS, packets_of([0] * 5 + [1], [*PAYLOADS, *layered_payloads])),
    ],
    ids=["a picture and its sound", "layers"],
)
@settings(max_examples=150, deadline=None)
@given(st.data(), fates, splits, st.sampled_from([1, 0xFFF0, 0x7FFE]), st.booleans())
def test_runs_change_and_send_what_their_packets_would(
    published: Sequence[PublishedTrack],
    packets: st.SearchStrategy[list[tuple[int, bytes, int, bool]]],
    data: st.DataObject,
    fate: Sequence[str],
    sizes: Sequence[int],
    first: int,
    tapped: bool,
) -> None:
    batches = _batches(data.draw(packets), fate, sizes)
    together, singly = (
        _after(batches, first, singly=each, tapped=tapped, published=published) for each in (False, True)
    )
    assert [(a, b) for a, b in zip(together, singly, strict=True) if a != b] == []


def test_most_bursts_of_layers_are_runs_whoever_watches_them(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(LAYERS)
    viewer = world.join([Wire(96, {}), None])
    picture = 0

    def send(*ids: int, payload: bytes = b"\x01") -> None:
        for track, number in enumerate(ids):
            head = b"\x90\x80" + bytes((0x80, number)) + payload
            packets = [head, *[b"\x80" + head[1:4] + bytes(100)] * 9]
            world.receive(*(world.publisher.packet(track, each, timestamp=picture) for each in packets))

    send(3, 3, payload=KEYFRAME[1:])
    picture = 3000
    send(4, 4)
    viewer.packets()

    def one(_: object) -> RtpPacket:
        raise AssertionError

    monkeypatch.setattr("media.switch.intake.parse", one)
    picture = 6000
    send(5, 5)
    assert [packet.payload[2:4] for packet in viewer.packets()] == [b"\x80\x05"] * 10
    monkeypatch.undo()
    # as a viewer that changes gets it: above all of the other layer
    below = [payload for run in world.feed.sent[1].history.since(0) for payload in run.payloads()]
    assert [payload[2:4] for payload in below[-10:]] == [b"\x80\x06"] * 10


def test_most_bursts_are_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the property above compares: a burst of which nothing is missing is not read singly."""
    world = World(PUBLISHED)
    viewer = world.join()
    world.media(timestamp=0)

    def one(*_: object) -> RtpPacket:
        raise AssertionError

    for looks_at_one in ("parse", "_media_of"):
        monkeypatch.setattr(f"media.switch.intake.{looks_at_one}", one)
    for track in (0, 1):
        times = range(9, 29)
        packets = (world.publisher.packet(track, b"\x00", timestamp=time, marker=True) for time in times)
        world.receive(*packets)
        assert world.feed.sources[track].last_timestamp == times[-1]
    assert len(viewer.packets()) == 42


def test_what_came_joined_is_opened_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(PUBLISHED)
    opened: list[object] = []
    monkeypatch.setattr("media.switch.intake._take_run", lambda *what: opened.append(what[3]) or True)
    joined = JoinedBytes([world.publisher.packet(0), world.publisher.packet(0)])
    world.switch.receive([(world.feed, joined)], world.now)
    assert [each is joined for each in opened] == [True]


def test_the_watch_over_frames_sees_what_it_wants_and_no_more() -> None:
    world = World(PUBLISHED)
    seen: list[object] = []
    watch: Any = SimpleNamespace(packets_wanted=1, saw=lambda *what: seen.append(what))
    world.feed.sources[0].watch = watch
    for watch.packets_wanted in (1, 0):
        world.media(0, payload=KEYFRAME)
    assert seen == [((KEYFRAME,), world.now)]


@pytest.mark.parametrize("came", [list, JoinedBytes])
def test_a_publisher_that_has_gone_has_no_report_due(came: Callable[[Iterable[bytes]], Any]) -> None:
    world = World(PUBLISHED)
    world.media(0)
    world.feed.rtcp_due_at = 0.0
    world.feed.close(world.publisher.keys)
    received = world.switch.receive([(world.feed, came([world.publisher.packet(0)]))], world.now)
    assert received == ([], [])
    assert world.feed.fault is None


def test_a_gap_makes_rtcp_to_the_publisher_due_at_once() -> None:
    world = World(PUBLISHED)
    world.media(0)
    packets = [world.publisher.packet(0) for _ in range(3)]
    for packet, due in ((packets[0], []), (packets[2], [world.feed])):
        world.feed.rtcp_due_at = math.inf
        assert world.switch.receive([(world.feed, [packet])], world.now).due == due


def test_rtcp_that_is_due_is_so_with_the_next_media() -> None:
    world = World(PUBLISHED)
    world.media()
    rtcp, media = world.publisher.protect_rtcp(receiver_report(1, [])), world.publisher.packet(1)
    for later, came, due in ((0.0, rtcp, []), (0.0, media, [world.feed]), (1.0, media, [])):
        world.feed.rtcp_due_at = world.now + later
        assert world.switch.receive([(world.feed, [came])], world.now).due == due


def test_what_nobody_can_open_at_once_leaves_in_one_run_all_the_same() -> None:
    """Under the SHA1 profile: each packet is opened by itself, and successive ones are gathered."""
    world = World(PUBLISHED, publisher=FarPublisher(PUBLISHED, profile=Profile.AES128_CM_SHA1_80))
    seen = _Tap()
    world.feed.tap = seen
    world.receive(*(world.publisher.packet(0, b"\x00" + bytes(100), timestamp=9) for _ in range(20)))
    assert [len(run) for run in seen.runs] == [20]


Batch = list[tuple[tuple[int, bytes, int, bool], int, str]]  # packets, each with its number and its fate


def _batches(
    sent: Sequence[tuple[int, bytes, int, bool]], fate: Sequence[str], sizes: Sequence[int]
) -> list[Batch]:
    order: Batch = []
    for number, (packet, what) in enumerate(zip(sent, fate, strict=False)):
        if what == "late" and order:
            order.insert(len(order) - 1, (packet, number, what))
        elif what != "lost":
            order += [(packet, number, what)] * (2 if what == "twice" else 1)
    batches, at = [], 0
    for size in sizes:
        if order[at : at + size]:
            batches.append(order[at : at + size])
        at += size
    return batches


def _after(
    batches: Sequence[Batch],
    first: int,
    *,
    singly: bool,
    tapped: bool,
    published: Sequence[PublishedTrack],
) -> list[object]:
    """All that a room knows and its viewer got. Where nobody taps it, no packet has to be made of a run."""
    world = World(published, publisher=FarPublisher(published, first=first))
    viewer = world.join()
    datagrams = _datagrams(world.publisher, batches, first)
    tap = _Tap()
    world.feed.tap = tap if tapped else None
    for batch in batches:
        world.now += 0.01
        run = [datagrams[number, what] for _, number, what in batch]
        for part in [[datagram] for datagram in run] if singly else [run]:
            world.switch.receive([(world.feed, part)], world.now)  # RTCP would go in between
    feed = world.feed
    states: list[object] = [feed.rx_packets, feed.rx_bytes, feed.rx_dropped, feed.rx_late, feed.rx_recovered]
    states += [_packets(tap.runs), viewer.packets(), feed.rtcp_due_at, feed.tx_payload]
    for source, sent in zip(feed.sources, feed.sent, strict=True):
        states += [_slots(source.translator), source.heard_at, source.last_received, source.last_timestamp]
        states += [_slots(source.stats), _slots(source.transport)]
        history, cache = sent.history, sent.pictures
        states += [
            _slots(history),
            _packets(history.since(0)),
            _slots(cache),
            _packets(cache.held()),
            sent.octets,
            sent.keyframe_octets,
            sent.keyframe_at,
            sent.size,
        ]
        if source.nack is not None:
            states += [source.nack.expected, sorted(source.nack._missing)]
    return states


def _datagrams(publisher: FarPublisher, batches: Sequence[Batch], first: int) -> dict[tuple[int, str], bytes]:
    datagrams: dict[tuple[int, str], bytes] = {}
    timestamps = [0, 0]
    for (track, payload, step, extended), number, what in sorted(
        (each for batch in batches for each in batch), key=lambda each: each[1]
    ):
        if (number, what) in datagrams:
            continue
        timestamps[track] = timestamps[track] + step & 0xFFFFFFFF
        extension = one_byte((3, number.to_bytes(2)), (4, b"0")) if extended else None
        sealed = publisher.packet(track, payload, timestamp=timestamps[track], extension=extension)
        datagrams[number, what] = sealed[:-1] + bytes((sealed[-1] ^ 1,)) if what == "forged" else sealed
    return datagrams


class _Tap:
    def __init__(self) -> None:
        self.runs: list[Run] = []

    def take(self, run: Run) -> None:
        self.runs.append(run)


def _packets(runs: Iterable[Run]) -> list[object]:
    """Where each of them is in the room, and what is in it."""
    return [
        (run.track, run.ssrc, index, timestamp, packet)
        for run in runs
        for index, (timestamp, packet) in enumerate(
            zip(run.timestamps(), run.packets(), strict=True), run.first
        )
    ]


HOW = {"_runs"}  # they differ where packets are kept in one piece


def _slots(each: object) -> object:
    """What it knows, and not how it keeps that."""
    names = [name for name in getattr(type(each), "__slots__", ()) if name not in HOW]
    return each and {name: getattr(each, name, None) for name in names}  # some come with a first packet


@pytest.mark.parametrize("lost", [0x8000, 40_000, 60_000, 70_000, 100_000, 160_000])
def test_a_publisher_that_went_on_through_an_outage_is_heard_again_at_once(lost: int) -> None:
    """Its packets are read, and numbered in the room, whatever the count of those that are lost."""
    world = World(PUBLISHED)
    viewer = world.join((Wire(96, {}), Wire(111, {})))
    world.receive(world.publisher.packet(0, KEYFRAME, timestamp=0))
    for number in range(2, lost + 2):
        world.publisher.packet(0, b"", sequence=number & 0xFFFF)  # the order makes its roll-over counter
    world.now += 20.0
    viewer.packets()
    world.receive(world.publisher.packet(0, KEYFRAME, sequence=lost + 2 & 0xFFFF, timestamp=20 * 90_000))
    assert [packet.payload for packet in viewer.packets()] == [KEYFRAME]
    assert world.feed.heard_at == world.now


def test_a_retransmission_after_an_outage_does_not_make_its_stream_look_late() -> None:
    """A sender may begin with one, as a probe of the line."""
    lost, repair = 40_000, 0x99
    sources = Sources(ssrcs=(0x51,), repairs={repair: 0x51})
    world = World((video(feedback=("nack", "nack pli"), rtx=97, sources=sources), sound()))
    viewer = world.join((Wire(96, {}), Wire(111, {})))
    world.receive(world.publisher.packet(0, KEYFRAME, timestamp=0))

    def send_again(number: int, sequence: int, payload: bytes) -> None:
        again = rtp(number, sequence.to_bytes(2) + payload, payload_type=97, timestamp=0, ssrc=repair)
        world.receive(world.publisher.protect(again))

    send_again(1, 1, KEYFRAME)
    for number in range(2, lost + 2):
        world.publisher.packet(0, b"", sequence=number & 0xFFFF)  # the order makes its roll-over counter
    world.now += 20.0
    viewer.packets()
    send_again(2, lost + 1 & 0xFFFF, bytes(100))
    world.receive(world.publisher.packet(0, KEYFRAME, sequence=lost + 2 & 0xFFFF, timestamp=20 * 90_000))
    assert [packet.payload for packet in viewer.packets()] == [KEYFRAME]
