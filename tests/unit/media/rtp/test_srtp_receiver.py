"""What a publisher sends under one key: what libsrtp reads, in runs or one by one, in Python or natively."""

import os
from collections.abc import Sequence

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from media.pure.run import Opener
from media.rtp.libsrtp import SrtpError
from media.rtp.packet import RtpPacket, parse
from media.rtp.run import MakeOpener
from media.rtp.spent_indexes import INDEXES, SpentIndexes
from media.rtp.srtp import MAX_SSRCS, REPLAY_WINDOW, Profile, SrtpKeys, inbound_session
from media.rtp.srtp_receiver import SrtpReceiver
from media.rtp.srtp_sender import SrtpSender
from tests.support.far_end import far_sender, new_keys, one_byte, rtp, two_byte
from tests.support.native_loop import NATIVE, many
from tests.unit.media.rtp.test_srtp import KEY, PLAIN, PROTECTED, SALT

OPENERS: list[MakeOpener] = [Opener] if NATIVE is None else [Opener, NATIVE.Opener]
openers = pytest.mark.parametrize("opener", OPENERS, ids=["python", "native"][: len(OPENERS)])
SSRC, WRAP = 0x5EED, 0x10000
KEYS = SrtpKeys(Profile.AEAD_AES_128_GCM, bytes(28), bytes(range(28)))


def protected(packets: Sequence[bytes], keys: SrtpKeys = KEYS) -> list[bytes]:
    sender = far_sender(keys)
    return [sender.protect(packet) for packet in packets]


def opens(receiver: SrtpReceiver, run: list[bytes]) -> list[RtpPacket] | None:
    """As the switch asks for it."""
    opened = receiver.open(int.from_bytes(run[0][8:12]), int.from_bytes(run[0][2:4]), run)
    return None if opened is None else [*opened.packets()]


def reads(receiver: SrtpReceiver, datagram: bytes) -> bytes | None:
    try:
        return receiver.unprotect(datagram)
    except SrtpError:
        return None


# --- the standard


@openers
def test_it_reads_the_vector_of_rfc_7714(opener: MakeOpener) -> None:
    receiver = SrtpReceiver(KEYS, opener)
    index = int.from_bytes(PLAIN[2:4])
    receiver.unprotect(protected([rtp(index - 1, ssrc=int.from_bytes(PLAIN[8:12]))])[0])
    receiver._opener = opener(KEY, SALT)
    assert opens(receiver, [PROTECTED]) == [parse(PLAIN)]


steps = st.lists(st.sampled_from([1, 1, 1, 2, 5, 200, 1100, 0x7000, -1, -3, -1000, -1100]), min_size=1)


@many
@given(st.integers(0, WRAP - 1), steps)
def test_any_order_is_read_as_libsrtp_reads_it(first: int, order: list[int]) -> None:
    receiver, libsrtp = SrtpReceiver(KEYS, Opener), inbound_session(KEYS)
    index, datagrams, made = first, [], {}
    highest = first
    for step in order:
        index = max(0, index + step)
        highest = max(highest, index)
        made[index] = rtp(index, b"%d" % index, ssrc=SSRC)
        datagrams.append(index)
    sealed = dict(zip(sorted(made), protected([made[n] for n in sorted(made)]), strict=True))
    for number in datagrams:
        try:
            expected: bytes | None = libsrtp.unprotect(sealed[number])
        except SrtpError:
            expected = None
        assert reads(receiver, sealed[number]) == expected


@pytest.mark.parametrize(
    ("first", "second", "is_read"),
    [
        *((5, 0, True), (5, 0xFFF0, True), (5, 0x8006, True)),  # no rollover comes before the first
        *((0x9000, 0x9000 + 0x7FFF, True), (0x9000, 0x9000 + 163_839, True)),
        (0x9000, 0x9000 + 163_840, False),
        *(
            (0x9000, 0x9000 + 0x8000, True),
            (0x9000, 0x9000 + 0x10001, True),
            (0x9000, 0x9000 + 0x18000, True),
        ),
    ],
)
def test_of_the_indexes_with_one_number_the_nearest_that_opens_is_meant(
    first: int, second: int, is_read: bool
) -> None:
    """RFC 3711 3.3.1, and after an outage in which the sender went on."""
    keys = new_keys()
    sender = SrtpSender(keys)
    receiver = SrtpReceiver(SrtpKeys(keys.profile, keys.remote, keys.local), Opener)
    for index, expected in ((first, True), (second, is_read)):
        header = rtp(index, b"", ssrc=SSRC)
        datagram = sender.protect(SSRC, index, header, b"sound")
        assert reads(receiver, datagram) == (header + b"sound" if expected else None)


@pytest.mark.parametrize("csrcs", [(), (1,), range(15)])
@pytest.mark.parametrize("extension", [None, (0x1234, b""), (0x1234, bytes(4 * 0x102))])
def test_a_header_of_any_length_is_read(csrcs: Sequence[int], extension: tuple[int, bytes] | None) -> None:
    packet = rtp(1, b"sound", csrcs=csrcs, extension=extension)
    assert reads(SrtpReceiver(KEYS, Opener), protected([packet])[0]) == packet


def test_a_run_that_begins_elsewhere_costs_no_decryption() -> None:
    class Untouched:
        def open(self, datagrams: object, first: int, /) -> None:
            raise AssertionError(first)

    receiver = at(5, lambda *_: Untouched())
    assert receiver.open(SSRC, 6, [rtp(6, ssrc=SSRC)]) is None


def test_after_the_last_index_comes_none() -> None:
    """It would run into the SSRC of the nonce: to this SSRC the one after the last is as the first."""
    assert reads(at(INDEXES, Opener), protected([rtp(0, ssrc=SSRC)])[0]) is None


@pytest.mark.parametrize("late", [REPLAY_WINDOW - 1, REPLAY_WINDOW])
def test_what_is_older_than_the_window_is_refused(late: int) -> None:
    before, missing, *others = protected([rtp(n, ssrc=SSRC) for n in range(1, late + 3)])
    receiver = SrtpReceiver(KEYS, Opener)
    for datagram in (before, *others):
        receiver.unprotect(datagram)
    assert (reads(receiver, missing) is not None) is (late < REPLAY_WINDOW)
    assert reads(receiver, before) is None
    with pytest.raises(SrtpError, match="came before"):  # so it was not decrypted, which would fail
        receiver.unprotect(others[-1][:-1] + bytes((others[-1][-1] ^ 1,)))


def test_forged_and_foreign_packets_change_nothing() -> None:
    datagram, other = protected([rtp(1, ssrc=SSRC), rtp(2, ssrc=SSRC)])
    receiver = SrtpReceiver(KEYS, Opener)
    for at in (0, 1, 3, 7, 11, 12, len(datagram) - 1):
        forged = bytearray(datagram)
        forged[at] ^= 1
        assert reads(receiver, bytes(forged)) is None
    assert reads(receiver, protected([rtp(1, ssrc=SSRC)], new_keys())[0]) is None
    assert receiver.unprotect(datagram) == rtp(1, ssrc=SSRC)
    assert receiver.unprotect(other) == rtp(2, ssrc=SSRC)


@pytest.mark.parametrize("first", [0x80, 0x90, 0x9F, 0xBF])
def test_garbage_of_every_length_is_an_srtp_error(first: int) -> None:
    receiver = SrtpReceiver(KEYS, Opener)
    for length in [*range(100), 1500, 2048]:
        with pytest.raises(SrtpError):
            receiver.unprotect(bytes((first, 96))[:length] + os.urandom(max(0, length - 2)))


@pytest.mark.parametrize("sequence", [5, 6, 0x8006])  # read before, the next one, far away
def test_a_forged_packet_costs_at_most_three_decryptions(sequence: int) -> None:
    receiver, tried = at(WRAP + 6, Opener), 0

    def decrypt(*_: object) -> bytes:
        nonlocal tried
        tried += 1
        raise InvalidTag

    receiver._decrypt = decrypt
    assert reads(receiver, rtp(sequence, bytes(100), ssrc=SSRC)) is None
    assert tried == {5: 0, 6: 3, 0x8006: 2}[sequence]


def test_a_peer_cannot_grow_our_state_by_ever_new_ssrcs() -> None:
    datagrams = protected([rtp(1, ssrc=ssrc) for ssrc in range(1, MAX_SSRCS + 10)])
    receiver = SrtpReceiver(KEYS, Opener)
    got = [reads(receiver, datagram) for datagram in datagrams]
    assert got[MAX_SSRCS - 1] is not None
    assert not any(got[MAX_SSRCS:])
    forged = SrtpReceiver(KEYS, Opener)
    for ssrc in range(10 * MAX_SSRCS):
        assert reads(forged, rtp(1, os.urandom(100), ssrc=ssrc)) is None
    assert forged.unprotect(datagrams[0]) == rtp(1, ssrc=1)


# --- runs


@openers
@pytest.mark.parametrize("first", [2, WRAP - 3, WRAP - 1])
def test_a_run_is_read_once(opener: MakeOpener, first: int) -> None:
    packets = [rtp(first + n, b"%d" % n, ssrc=SSRC, marker=n == 3, timestamp=n) for n in range(-1, 5)]
    before, *run = protected(packets)
    receiver = SrtpReceiver(KEYS, opener)
    assert opens(receiver, run) is None  # nobody has shown that the stream is there
    receiver.unprotect(before)
    assert opens(receiver, run[1:]) is None
    assert opens(receiver, run) == [parse(packet) for packet in packets[1:]]
    assert opens(receiver, run) is None
    assert not any(reads(receiver, datagram) for datagram in run)


@openers
def test_what_is_no_run_is_left_to_single_packets(opener: MakeOpener) -> None:
    packets = [rtp(n, b"%d" % n, ssrc=SSRC) for n in range(1, 200)]
    before, *rest = protected(packets)
    receiver = SrtpReceiver(KEYS, opener)
    receiver.unprotect(before)
    forged = rest[1][:-1] + bytes((rest[1][-1] ^ 1,))
    odd = (rtp(3, ssrc=SSRC + 1), rtp(3, ssrc=SSRC, payload_type=97), rtp(3, ssrc=SSRC, padding=4))
    other = [protected([packet])[0] for packet in odd]
    for second in (forged, rest[2], rest[0], *other, rest[1][:20], rest[1][:11], b""):
        assert opens(receiver, [rest[0], second, rest[2]]) is None
    assert opens(receiver, rest[:65]) is None
    assert opens(receiver, rest[:64]) == [parse(packet) for packet in packets[1:65]]


elements = st.lists(st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=3)
extensions = (
    st.none()
    | elements.map(lambda found: one_byte(*found))
    | elements.map(lambda found: two_byte(*found))
    | st.tuples(st.sampled_from([0xBEDE, 0x1000, 0x1005, 0x1234]), st.binary(max_size=3).map(lambda x: x * 4))
)
run_packets = st.lists(
    st.tuples(st.binary(max_size=30), extensions, st.booleans(), st.integers(0, 0xFFFFFFFF)),
    min_size=1,
    max_size=8,
)
damages = st.lists(
    st.tuples(
        st.integers(0, 7), st.sampled_from(["flip", "cut", "double", "drop", "longer"]), st.integers(0, 60)
    ),
    max_size=2,
)


@many
@given(st.integers(1, 3 * WRAP), run_packets, damages)
def test_both_read_the_same_of_any_run(
    first: int,
    contents: list[tuple[bytes, tuple[int, bytes] | None, bool, int]],
    damage: list[tuple[int, str, int]],
) -> None:
    """Whatever is taken as a run, is what single packets would be."""
    packets = [
        rtp(first + n, payload, ssrc=SSRC, extension=extension, marker=marker, timestamp=timestamp)
        for n, (payload, extension, marker, timestamp) in enumerate(contents)
    ]
    run = _damaged(sealed(packets, first), damage)
    if not run:
        return
    results = []
    for opener in OPENERS:
        receiver = at(first, opener)
        whole = receiver.open(SSRC, first & 0xFFFF, run)
        opened = None if whole is None else [*whole.packets()]
        if opened is not None:
            singly = at(first, Opener)
            assert opened == [parse(singly.unprotect(datagram)) for datagram in run]
        results.append((opened, receiver._streams[SSRC].next_index))
    assert results == [results[0]] * len(OPENERS)
    if not damage and len(run) == len(contents):
        firsts = {datagram[0] for datagram in run}
        assert (results[0][0] is not None) == (len(firsts) == 1)


def at(index: int, opener: MakeOpener) -> SrtpReceiver:
    """One that has got all packets before `index`."""
    receiver, stream = SrtpReceiver(KEYS, opener), SpentIndexes()
    assert stream.spend(0, index)
    receiver._streams[SSRC] = stream
    return receiver


def sealed(packets: Sequence[bytes], first: int) -> list[bytes]:
    """Under the indexes from `first` on, whose rollover counter libsrtp has to be led to."""
    sender = far_sender(KEYS)
    for index in range(0, first, 0x7000):
        sender.protect(rtp(index, ssrc=SSRC))
    return [sender.protect(packet) for packet in packets]


def _damaged(run: list[bytes], damage: Sequence[tuple[int, str, int]]) -> list[bytes]:
    for place, how, at in damage:
        if not run:
            break
        place %= len(run)
        datagram = bytearray(run[place])
        match how:
            case "flip":
                datagram[at % len(datagram)] ^= 1 << at % 8
            case "cut":
                del datagram[max(12, len(datagram) - at) :]
            case "longer":
                datagram += bytes(at)
            case "double":
                run.insert(place, run[place])
            case "drop":
                del run[place]
                continue
        run[place] = bytes(datagram)
    return run
