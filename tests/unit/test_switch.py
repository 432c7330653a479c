"""The switch: whose packets it takes, how it numbers them, and that no index ever serves twice."""

import os
from collections import defaultdict
from collections.abc import Sequence
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from media.fanout import WRAP_GUARD, Address, Viewer, Wire
from media.nack_generator import NackGenerator
from media.rtcp import nack
from media.rtp import parse
from media.sequence import REORDER_PACKETS, SequenceTranslator
from media.source_track import SOURCE_SILENT_SECONDS, SourceTrack
from media.srtp import GcmSender, Profile, SrtpKeys, outbound_session
from media.switch import Feed, PacketSwitch
from media.viewer_feedback import ViewerFeedback
from media.viewer_stats import ViewerStats
from tests.support.far_end import BOTH_PROFILES, far_receiver, far_sender, new_keys, one_byte, rtp
from tests.support.relay import AUDIO, RATES, SSRCS, TYPES, VIDEO, new_feed
from tests.support.sequence_unwrapper import SequenceUnwrapper

WIRES = (
    (Wire(96, {}), Wire(111, {})),
    (Wire(101, {}, nack=True, rtx=102), Wire(9, {}, nack=True)),
    (Wire(96, {}, nack=True), None),
)
IN_ORDER = 3 * WRAP_GUARD
MOST_IN_BURST = 12
SHORT_OF_A_WRAP = 0x10000 - WRAP_GUARD


class OnceSender(GcmSender):
    """Fails when a nonce comes again for something else."""

    def __init__(self, keys: SrtpKeys) -> None:
        super().__init__(keys)
        used: dict[bytes, tuple[bytes, bytes]] = {}
        encrypt_into: Any = self.encrypt_into

        def once(nonce: Any, data: Any, header: Any, out: Any) -> int:
            assert used.setdefault(nonce, (header, data)) == (header, data), "a nonce serves twice"
            return int(encrypt_into(nonce, data, header, out))

        self.encrypt_into = once  # type: ignore[assignment]


class OnceSession:
    """The same for libsrtp, which itself would let it pass."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._used: dict[tuple[bytes, int], bytes] = {}
        self._numbers: dict[bytes, SequenceUnwrapper] = {}

    def protect(self, plain: bytes) -> bytes:
        ssrc, sequence = plain[8:12], int.from_bytes(plain[2:4])
        numbers = self._numbers.setdefault(ssrc, SequenceUnwrapper(sequence))
        place = ssrc, numbers.unwrap(sequence)
        assert self._used.setdefault(place, plain) == plain, "an index serves twice"
        protected: bytes = self._session.protect(plain)
        return protected


class Publisher:
    """An authentic sender of whatever sequence numbers the test wants; its rollovers are its own."""

    def __init__(self) -> None:
        self.keys = new_keys()
        far = SrtpKeys(self.keys.profile, self.keys.remote, self.keys.local)
        self._sender = GcmSender(far)

    def protect(self, ssrc: int, index: int, plain: bytes) -> bytes:
        """`plain` under the 48-bit `index`."""
        header, payload = plain[:12], plain[12:]
        out = bytearray(len(payload) + 16)
        nonce = ((ssrc << 48 | index) ^ self._sender.salt).to_bytes(12)
        self._sender.encrypt_into(nonce, payload, header, out)
        return header + bytes(out)


class NoPublisher:
    cname = b""

    def want_keyframes(self, now: float) -> None:
        """Nobody hears it."""

    def play_time(self, _number: int, _now: float) -> None:
        return None


class World:
    """One room in a switch. Every packet has another payload, so that it can be told from all others."""

    def __init__(self, index: int = 1) -> None:
        self.switch = PacketSwitch(self._transmit)
        self.feed = new_feed(index)
        self.now = 10.0
        self.viewers: list[Viewer] = []
        self.inbox: defaultdict[Address, list[bytes]] = defaultdict(list)
        self.stats = ViewerStats()
        self._keys: dict[Address, SrtpKeys] = {}
        self._feedback: dict[Viewer, ViewerFeedback] = {}
        self._numbers = count()
        self._ssrc = [1, 2]
        self._index = [500, 700]
        self.replace_publisher()

    def _transmit(self, run: bytes | memoryview, size: int, address: Address) -> None:
        run = bytes(run)
        self.inbox[address] += [run[at : at + size] for at in range(0, len(run), size)]

    def replace_publisher(self) -> None:
        self.publisher = Publisher()
        self.switch.open_source(self.feed, self.publisher.keys)

    def join(
        self, profile: Profile = Profile.AEAD_AES_128_GCM, wires: Sequence[Wire | None] = WIRES[0]
    ) -> Viewer:
        keys = new_keys(profile)
        address = ("192.0.2.1", len(self._keys))
        viewer = self.switch.add_viewer(self.feed, keys, wires, address)
        if viewer.gcm is not None:
            viewer.gcm = OnceSender(keys)
        viewer.srtp = OnceSession(viewer.srtp)  # type: ignore[assignment]
        self._keys[address] = keys
        self._feedback[viewer] = ViewerFeedback(
            viewer, self.feed.sent, NoPublisher(), self.switch.resend, self.stats, self.now
        )
        self.viewers.append(viewer)
        return viewer

    def leave(self, number: int) -> None:
        if self.viewers:
            self.switch.remove_viewer(self.feed, self.viewers.pop(number % len(self.viewers)))

    def lose(self, number: int, track: int, backs: Sequence[int]) -> None:
        """A viewer asks for the packets so far behind the newest."""
        if self.viewers:
            newest = self.feed.sent[track].history.next_index - 1
            lost = [newest - back & 0xFFFF for back in backs]
            viewer = self.viewers[number % len(self.viewers)]
            self._feedback[viewer].receive(nack(1, SSRCS[track], lost), self.now)

    def new_source(self, track: int, index: int, silence: float) -> None:
        self._ssrc[track] += 2
        self._index[track] = index
        self.now += silence

    def datagram(self, track: int, step: int = 1) -> bytes:
        """The next packet of a track; a `step` below 1 is one from the past."""
        index = max(0, self._index[track] + step)
        self._index[track] = max(self._index[track], index)
        number = next(self._numbers)
        plain = rtp(
            index,
            number.to_bytes(4) + bytes(number % 40),
            payload_type=TYPES[track],
            timestamp=100 * index,
            ssrc=self._ssrc[track],
        )
        return self.publisher.protect(self._ssrc[track], index, plain)

    def send(self, datagrams: Sequence[bytes]) -> list[tuple[Feed, bytes]]:
        return self.switch.receive([(self.feed, datagram) for datagram in datagrams], self.now)

    def burst(self, *tracks: int) -> None:
        self.send([self.datagram(track) for track in tracks])

    def far_end(self, viewer: Viewer) -> Any:
        return far_receiver(self._keys[viewer.address])

    def received(self, viewer: Viewer) -> list[bytes]:
        """All that `viewer` got, read by an end that starts afresh."""
        unprotect = self.far_end(viewer).unprotect
        return [unprotect(datagram) for datagram in self.inbox[viewer.address]]


# --- never two packets under one index

indexes = st.sampled_from((1, 0x7FFF, SHORT_OF_A_WRAP - 3, SHORT_OF_A_WRAP, 0xFFFD, (9 << 16) - 2))
joins = st.tuples(st.just("join"), st.sampled_from(BOTH_PROFILES), st.sampled_from(WIRES))
leaves = st.tuples(st.just("leave"), st.integers(0, 9))
# A new source begins far enough from the wrap of its sequence number: were its first packets to come in
# another order over the wrap, nobody could know its rollover counter (RFC 3711 3.3.1).
FIRST_NUMBERS = (0, 5, 0x7FFF, 0x10000 - 2 * MOST_IN_BURST - 1)
successors = st.tuples(st.just("successor"), st.sampled_from(FIRST_NUMBERS))
impostors = st.tuples(st.just("impostor"))  # new keys, and the numbers of the publisher before
losses = st.tuples(
    st.just("lose"),
    st.integers(0, 9),
    st.sampled_from((VIDEO, AUDIO)),
    st.lists(st.one_of(st.integers(0, 40), st.sampled_from((-1, 1023, 1024, 2048, 0x7FFF))), max_size=6),
)


def bursts(steps: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Any, ...]]:
    packet = st.tuples(st.sampled_from((VIDEO, AUDIO)), steps, st.integers(1, 3))
    return st.tuples(st.just("burst"), st.lists(packet, min_size=1, max_size=MOST_IN_BURST), st.booleans())


def sources(silences: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(
        st.just("source"), st.sampled_from((VIDEO, AUDIO)), st.sampled_from(FIRST_NUMBERS), silences
    )


def play(world: World, actions: Sequence[tuple[Any, ...]]) -> None:
    for action in actions:
        match action:
            case ("join", profile, wires):
                world.join(profile, wires)
            case ("leave", number):
                world.leave(number)
            case ("lose", number, track, backs):
                world.lose(number, track, backs)
            case ("impostor",):
                world.replace_publisher()
            case ("successor", index):
                world.replace_publisher()
                for track in (VIDEO, AUDIO):
                    world.new_source(track, index, 2.0)
            case ("source", track, index, silence):
                world.new_source(track, index, silence)
            case ("burst", packets, reverse):
                made = [world.datagram(track, step) for track, step, _ in packets]
                copies = [copy for (_, _, n), copy in zip(packets, made, strict=True) for _ in range(n)]
                world.send(copies[::-1] if reverse else copies)
                world.now += 0.02


WILD = st.one_of(
    st.just(1),
    st.integers(-40, 40),
    st.sampled_from((-REORDER_PACKETS, 1 - REORDER_PACKETS, 2 - REORDER_PACKETS, 0x7FFF, 0x7FF0, 40_000)),
)


@settings(max_examples=200, deadline=None)
@given(
    indexes,
    st.lists(
        st.one_of(
            joins,
            leaves,
            losses,
            bursts(WILD),
            bursts(WILD),
            sources(st.sampled_from((0.0, 2.0))),
            impostors,
        ),
        max_size=30,
    ),
)
@example(  # libsrtp loses count when a publisher jumps by half the range
    65469,
    [
        ("burst", [(VIDEO, -28, 1), (VIDEO, 32767, 1), (VIDEO, 17, 1)], False),
        ("join", Profile.AES128_CM_SHA1_80, WIRES[0]),
        ("burst", [(VIDEO, 24, 1), (VIDEO, 32767, 1), (VIDEO, -1, 1), (VIDEO, 32767, 1)], False),
    ],
)
def test_no_index_is_used_twice_whatever_a_publisher_sends(
    index: int, actions: list[tuple[Any, ...]]
) -> None:
    """`OnceSender` and `OnceSession` watch what the viewers are sent, again or for the first time."""
    world = World(index)
    play(world, [("join", profile, wires) for profile in BOTH_PROFILES for wires in WIRES])
    play(world, actions)
    again = sum(len(datagrams) - len(set(datagrams)) for datagrams in world.inbox.values())
    assert again <= world.stats.retransmissions  # but for those, the same bytes never leave twice


@settings(max_examples=100, deadline=None)
@given(
    indexes,
    st.lists(
        st.one_of(joins, bursts(st.sampled_from((1, 1, 1, 2, 0, -1, -7))), sources(st.just(2.0)), successors),
        max_size=40,
    ),
    st.integers(0, WRAP_GUARD // 3),
)
def test_a_viewer_reads_all_it_gets_whenever_it_joined_and_whatever_it_lost_first(
    index: int, actions: list[tuple[Any, ...]], lost: int
) -> None:
    world = World(index)
    play(world, actions)
    for _ in range(IN_ORDER):
        world.burst(VIDEO, AUDIO)
    for viewer in world.viewers:
        del world.inbox[viewer.address][:lost]
        packets = [parse(plain) for plain in world.received(viewer)]
        for ssrc in SSRCS:
            places = [packet.sequence for packet in packets if packet.ssrc == ssrc]
            assert len(set(places)) == len(places)
            # in the end, when nothing is lost or reordered any more, numbers go on by one
            last = places[-IN_ORDER + WRAP_GUARD + lost :]
            assert all(b - a & 0xFFFF == 1 for a, b in pairwise(last))
            assert (
                len(last) == IN_ORDER - WRAP_GUARD - lost or viewer.profile.wires[SSRCS.index(ssrc)] is None
            )
        payloads = [packet.payload[:4] for packet in packets]
        assert len(set(payloads)) == len(payloads)


# --- whose packets are taken


def test_packets_of_each_track_arrive_as_its_own() -> None:
    world = World()
    viewer = world.join()
    world.burst(VIDEO, VIDEO, AUDIO, VIDEO)
    packets = [parse(plain) for plain in world.received(viewer)]
    assert [(p.ssrc, p.payload_type, p.sequence) for p in packets] == [
        (SSRCS[VIDEO], 96, 1),
        (SSRCS[VIDEO], 96, 2),
        (SSRCS[AUDIO], 111, 1),
        (SSRCS[VIDEO], 96, 3),
    ]
    assert (world.feed.rx_packets, world.feed.rx_dropped) == (4, 0)
    assert world.feed.rx_bytes == sum(len(plain) for plain in world.received(viewer))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 128, 200])
def test_a_burst_of_any_length_arrives_whole(size: int) -> None:
    world = World()
    viewers = [world.join(profile) for profile in BOTH_PROFILES]
    world.burst(*[VIDEO] * size)
    for viewer in viewers:
        assert [parse(plain).sequence for plain in world.received(viewer)] == list(range(1, size + 1))


def test_forged_replayed_short_and_foreign_datagrams_are_dropped() -> None:
    world = World()
    viewer = world.join()
    good = world.datagram(VIDEO)
    forged = good[:-1] + bytes((good[-1] ^ 1,))
    other_type = world.publisher.protect(9, 1, rtp(1, payload_type=100, ssrc=9))
    world.send([forged, good, good, other_type, good[:12], rtp(1), b"", b"\x80", bytes(11)])
    assert len(world.received(viewer)) == 1
    assert world.feed.rx_dropped == 5  # those below 12 bytes are not even looked at


def test_a_packet_with_a_broken_extension_is_dropped_and_the_rest_of_the_batch_is_not() -> None:
    world = World()
    viewer = world.join()
    keys = world.publisher.keys
    sender = far_sender(SrtpKeys(keys.profile, keys.local, keys.remote))
    broken = bytearray(sender.protect(rtp(1, bytes(200), ssrc=1, extension=(0xBEDE, bytes(8)))))
    broken[14:16] = b"\xff\xff"
    world.send([bytes(broken), world.datagram(VIDEO)])
    assert len(world.received(viewer)) == 1


@pytest.mark.parametrize("size", [1400, 1500, 1501, 2048])
@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_long_datagrams_real_or_not_harm_nobody(size: int, profile: Profile) -> None:
    world = World()
    viewers = [world.join(each) for each in BOTH_PROFILES]
    publisher_keys = new_keys(profile)
    world.switch.open_source(world.feed, publisher_keys)
    tag = 16 if profile is Profile.AEAD_AES_128_GCM else 10
    garbage = [b"\x80" + bytes((kind,)) + os.urandom(size - 2) for kind in (96, 200)]
    datagrams = [*garbage]
    if size <= 1500:  # what pylibsrtp can make
        packet = rtp(1, os.urandom(size - 12 - tag), ssrc=1)
        far = SrtpKeys(profile, publisher_keys.remote, publisher_keys.local)
        datagrams.append(outbound_session(far).protect(packet))
    world.send(datagrams)
    assert all(len(world.inbox[viewer.address]) == (size <= 1500) for viewer in viewers)


def test_nothing_is_taken_before_a_source_is_open_and_after_it_was_closed() -> None:
    world = World()
    viewer = world.join()
    world.switch.close_source(world.feed)
    world.burst(VIDEO)
    assert not world.inbox
    world.switch.open_source(world.feed, world.publisher.keys)
    world.burst(VIDEO)
    assert len(world.received(viewer)) == 1


def test_rtcp_comes_back_decrypted_with_its_room() -> None:
    world = World()
    far = SrtpKeys(Profile.AEAD_AES_128_GCM, world.publisher.keys.local, world.publisher.keys.remote)
    sender = far_sender(far)
    report = bytes.fromhex("80c9000100000001")
    protected = sender.protect_rtcp(report)
    assert world.send([protected, world.datagram(VIDEO), protected]) == [(world.feed, report)]
    assert world.feed.rx_dropped == 1  # the second is a replay


def test_rooms_in_one_batch_do_not_mix() -> None:
    here, there = World(), World()
    there.switch, there.feed = here.switch, new_feed()
    there.replace_publisher()
    mine, theirs = here.join(), there.join()
    there.inbox = here.inbox
    theirs.address = ("192.0.2.2", 1)
    there._keys[theirs.address] = there._keys.pop(("192.0.2.1", 0))
    first, second, third = here.datagram(VIDEO), there.datagram(VIDEO), here.datagram(AUDIO)
    here.switch.receive([(here.feed, first), (there.feed, second), (here.feed, third)], 1.0)
    assert [parse(p).payload_type for p in here.received(mine)] == [96, 111]
    assert [parse(p).payload_type for p in there.received(theirs)] == [96]
    # a packet of one room under the keys of the other is nobody's
    here.switch.receive([(here.feed, there.datagram(VIDEO))], 1.0)
    assert here.feed.rx_dropped == 1


# --- what is sent again (RFC 4588)

RTX_TYPE, RTX_SSRC, OTHER_RTX_SSRC = 97, 0x1111, 0x2222


class Again:
    """A world whose video comes again by RTX, and the packets of it that were held back."""

    def __init__(self, repairs: dict[int, int]) -> None:
        self.world = World()
        track = self.world.feed.tracks[VIDEO]
        track.nack, track.rtx_payload_type, track.repairs = NackGenerator(), RTX_TYPE, repairs
        self.world.feed.follow(self.world.feed.tracks)
        self.world.replace_publisher()
        self.viewer = self.world.join()
        self._index = 0

    def send(self, ssrc: int, payload: bytes, padding: int = 0) -> None:
        self._index += 1
        plain = rtp(self._index, payload, payload_type=RTX_TYPE, ssrc=ssrc, padding=padding)
        self.world.send([self.world.publisher.protect(ssrc, self._index, plain)])

    def lose(self, count: int) -> list[bytes]:
        """So many packets get lost between two that do not; what RTX has to bring for each."""
        self.world.burst(VIDEO)
        lost = []
        for _ in range(count):
            self.world.datagram(VIDEO)
            sequence = self.world._index[VIDEO]
            lost.append(sequence.to_bytes(2) + b"lost %d" % sequence)
        self.world.burst(VIDEO)
        return lost

    @property
    def payloads(self) -> list[tuple[int, bytes]]:
        packets = [parse(plain) for plain in self.world.received(self.viewer)]
        assert {(packet.payload_type, packet.ssrc) for packet in packets} == {(96, SSRCS[VIDEO])}
        return [(packet.sequence, packet.payload) for packet in packets if packet.payload[:4] == b"lost"]


@pytest.mark.parametrize("repairs", [{RTX_SSRC: 1}, {}], ids=["declared", "undeclared"])
def test_a_packet_that_comes_by_rtx_takes_its_place(repairs: dict[int, int]) -> None:
    again = Again(repairs)
    for payload in again.lose(2):
        again.send(RTX_SSRC, payload)
    assert again.payloads == [(2, b"lost 502"), (3, b"lost 503")]
    assert (again.world.feed.rx_packets, again.world.feed.rx_dropped, again.world.feed.rx_late) == (4, 0, 0)


@pytest.mark.parametrize("repairs", [{RTX_SSRC: 1}, {}], ids=["declared", "undeclared"])
def test_probes_of_the_bandwidth_are_no_packets_of_the_track_and_not_wrong(repairs: dict[int, int]) -> None:
    again = Again(repairs)
    again.lose(0)
    before = again.world.feed.rx_packets
    again.send(RTX_SSRC, b"", padding=200)
    again.send(RTX_SSRC, b"\1", padding=3)
    again.send(RTX_SSRC, (501).to_bytes(2) + b"was here")
    again.send(RTX_SSRC, b"")
    assert not again.payloads
    assert (again.world.feed.rx_packets, again.world.feed.rx_dropped, again.world.feed.rx_late) == (
        before,
        0,
        0,
    )


def test_what_repairs_another_layer_is_not_taken_for_ours() -> None:
    again = Again({RTX_SSRC: 1, OTHER_RTX_SSRC: 99})
    (payload,) = again.lose(1)
    again.send(OTHER_RTX_SSRC, payload)
    assert not again.payloads
    again.send(RTX_SSRC, payload)
    assert len(again.payloads) == 1


def test_of_an_undeclared_stream_only_what_is_missed_is_taken() -> None:
    again = Again({})
    again.lose(1)
    again.send(OTHER_RTX_SSRC, (700).to_bytes(2) + b"lost of another layer")
    assert not again.payloads


def test_before_the_track_there_is_nothing_to_repair() -> None:
    again = Again({RTX_SSRC: 1})
    again.send(RTX_SSRC, b"\0\1payload")
    assert not again.world.inbox


def test_what_is_sent_again_as_it_was_takes_its_place_too() -> None:
    again = Again({})
    world = again.world
    world.burst(VIDEO)
    late = world.datagram(VIDEO)
    world.burst(VIDEO)
    assert world.feed.tracks[VIDEO].nack.due(world.now + 0.1)  # type: ignore[union-attr]
    world.send([late])
    assert len(world.received(again.viewer)) == 3
    assert (world.feed.rx_recovered, world.feed.rx_late) == (1, 0)


# --- sources that follow each other


def test_another_ssrc_takes_over_only_after_silence_and_continues_the_stream() -> None:
    world = World()
    viewer = world.join()
    world.burst(VIDEO, VIDEO)
    world.new_source(VIDEO, 0xFFF0, SOURCE_SILENT_SECONDS / 2)
    world.burst(VIDEO)
    assert world.feed.rx_dropped == 1
    world.now += SOURCE_SILENT_SECONDS
    world.burst(VIDEO, VIDEO)
    packets = [parse(plain) for plain in world.received(viewer)]
    assert [packet.sequence for packet in packets] == [1, 2, 3, 4]
    silence = 1.5 * SOURCE_SILENT_SECONDS * RATES[VIDEO]
    assert packets[2].timestamp - packets[1].timestamp == silence
    assert packets[3].timestamp - packets[2].timestamp == 100


def follows(track: SourceTrack, ssrc: int, now: float, rid: bytes | None = None) -> bool:
    packet = parse(rtp(1, ssrc=ssrc, extension=one_byte((9, rid)) if rid else None))
    if not track.follow(packet, now):
        return False
    track.heard_at = track.last_received = now
    return True


def test_of_layers_the_best_that_comes_is_followed() -> None:
    track = SourceTrack(96, 90_000, SequenceTranslator(1, 0), layers=(1, 2, 3))
    assert follows(track, 2, 1.0)
    assert not follows(track, 1, 1.1)
    assert not follows(track, 7, 1.1)
    assert follows(track, 3, 1.2)
    assert not follows(track, 2, 1.3)
    assert follows(track, 1, 1.2 + SOURCE_SILENT_SECONDS)


def test_of_named_layers_only_that_which_was_agreed_on_is_followed() -> None:
    track = SourceTrack(96, 90_000, SequenceTranslator(1, 0), rid=b"f", rid_extension=9)
    assert not follows(track, 1, 1.0, b"q")
    assert follows(track, 2, 1.0, b"f")
    assert not follows(track, 1, 9.0, b"q")
    assert follows(track, 3, 9.0)  # nothing says that it is another


def test_a_new_publisher_continues_the_stream_for_viewers_that_stay() -> None:
    world = World(0xFFFE)
    viewer = world.join()
    world.burst(VIDEO, VIDEO, VIDEO)
    world.switch.close_source(world.feed)
    world.replace_publisher()
    world.new_source(VIDEO, 7, 5.0)
    world.burst(VIDEO)
    # it joined within the guard: its first two packets were not for it
    assert [parse(plain).sequence for plain in world.received(viewer)] == [0, 1]


# --- viewers


def test_profiles_end_with_their_last_viewer() -> None:
    world = World()
    for wires in WIRES * 2:
        world.join(wires=wires)
    assert len(world.feed.profiles) == len(WIRES)
    while world.viewers:
        world.leave(0)
    assert not world.feed.profiles
    world.burst(VIDEO)
    assert not world.inbox


def test_a_silent_track_does_not_keep_a_viewer_from_runs() -> None:
    runs: list[int] = []
    world = World()
    world.switch = PacketSwitch(lambda run, size, _: runs.append(len(run) // size))
    world.replace_publisher()
    world.switch.add_viewer(world.feed, new_keys(), WIRES[0], ("192.0.2.1", 1))
    plain = [rtp(n, bytes(100), ssrc=1) for n in range(10)]
    world.send([world.publisher.protect(1, n, packet) for n, packet in enumerate(plain)])
    assert runs == [10]
