"""The native step by itself: the same bytes as in Python, and nothing that can be asked of it breaks it."""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.rtp import srtp_sender
from media.rtp.packet import RtpPacket
from media.rtp.srtp import GCM_TAG, Profile, SrtpKeys
from media.rtp.srtp_sender import BurstIndexes, SpentError, SrtpSender
from media.switch.laid_burst import BUFFER_BYTES, MAX_SEGMENTS, LaidBurst, send_to
from media.switch.packet_header import SentAt
from media.switch.viewer import SentCounts, Viewer
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing
from media.transport.address import Address
from media.transport.udp import UdpPort
from tests.support.far_end import new_keys
from tests.support.native_loop import NATIVE, NativeLoop
from tests.support.nonce_watch import NonceWatch
from tests.unit.media.rtp.test_srtp import KEY, PLAIN, PROTECTED, SALT

# `make sanitize` wants more
many = settings(max_examples=int(os.environ.get("NATIVE_INPUTS", "100")), deadline=None)

HEADER = bytes(range(12))
BURST = [HEADER], [b"payload"], [(12 + 7 + GCM_TAG, 12 + 7 + GCM_TAG)]
NUMBERS = bytes(10)
THERE = ("127.0.0.1", 9)


def cipher() -> object:
    return NATIVE.Cipher(bytes(16), bytes(12))


# --- the same bytes


def test_it_protects_as_the_vector_of_rfc_7714() -> None:
    sent: list[bytes] = []
    loop = NativeLoop(NATIVE)
    fan_out = loop.fan_out(lambda run, _size, _address: sent.append(bytes(run)))
    index = (0).to_bytes(4) + PLAIN[2:4]
    fan_out.send(
        [PLAIN[:12]],
        [PLAIN[12:]],
        [(len(PROTECTED), len(PROTECTED))],
        [(fan_out.cipher(KEY, SALT), THERE, index + PLAIN[4:8])],
    )
    loop.close()
    assert sent == [PROTECTED]


packets = st.lists(
    st.tuples(
        st.integers(0, 1),  # track
        st.sampled_from([1, 1, 1, 2, 300]),  # steps from the track's packet before
        st.integers(0, 0xFFFFFFFF),  # timestamp
        st.binary(max_size=40) | st.sampled_from([bytes(1000), bytes(1000), bytes(1100)]),
        st.sampled_from([(), ((1, b"x"),), ((1, b"abc"), (2, b"\1" * 17))]),
    ),
    min_size=1,
    max_size=MAX_SEGMENTS,
)
# offsets of both tracks, shifts, and whether the viewer is sent to by the native step
viewers = st.lists(
    st.tuples(
        st.sampled_from([0, 1 << 16, 3, 0x1_0003]),
        st.sampled_from([0, 1 << 16]),
        st.sampled_from([0, 0, 90_000, 0xFFFFFFFF]),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@many
@given(packets, viewers, st.sampled_from([0x1_0005, 0x1_FFF0, 0x12345_FFFE, (1 << 48) - 40_000]))
def test_each_viewer_gets_the_bytes_that_python_sends(
    burst: list[tuple[int, int, int, bytes, tuple[tuple[int, bytes], ...]]],
    audience: list[tuple[int, int, int, bool]],
    first: int,
) -> None:
    """Joins, changes and wraps are offsets and shifts; senders of both kinds share the burst."""
    extended = [first, first]
    outgoing = []
    for track, step, timestamp, payload, extensions in burst:
        extended[track] += step
        packet = RtpPacket(False, False, 96, 0, 0, 7, extensions, payload)
        outgoing.append(Outgoing(track, 0x5EED + track, extended[track], timestamp, packet))
    wires = [Wire(96, {1: 3, 2: 4}), Wire(111, {1: 1}, sent_at=5)]
    loop = NativeLoop(NATIVE)
    got = [_sent(loop, outgoing, wires, audience, native) for native in (False, True)]
    loop.close()
    assert got[0] == got[1]


def _sent(
    loop: NativeLoop,
    burst: Sequence[Outgoing],
    wires: Sequence[Wire],
    audience: Sequence[tuple[int, int, int, bool]],
    native: bool,
) -> dict[Address, list[tuple[bytes, int]]]:
    sent: dict[Address, list[tuple[bytes, int]]] = {}

    def transmit(run: bytes | memoryview, size: int, address: Address) -> None:
        sent.setdefault(address, []).append((bytes(run), size))

    lay = NATIVE.lay if native else None
    laid = LaidBurst(burst, wires, memoryview(bytearray(BUFFER_BYTES)), SentAt(3.0), lay)
    fan_out = loop.fan_out(transmit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(srtp_sender, "_taken", {})  # the same keys serve both
        for number, (video, sound, shift, by_native) in enumerate(audience):
            keys = SrtpKeys(Profile.AEAD_AES_128_GCM, bytes([number]) * 28, b"\xff" * 28)
            viewer = Viewer(keys, ("192.0.2.1", number), transmit, wires, SentCounts([0, 0], [0, 0]), [1, 1])
            viewer.move(viewer.address, transmit, fan_out if native and by_native else None)
            viewer.offsets, viewer.shifts = (video, sound), (shift, 0)
            viewer.patched = bool((video | sound) & 0xFFFF or shift)
            laid.send((viewer,))
            with pytest.raises(SpentError):
                viewer.sender.lend(fan_out.cipher, laid._indexes_for(viewer.offsets))
        laid.flush()
    return sent


def test_what_one_viewer_alone_gets_is_laid_out_natively_too() -> None:
    """Its first pictures, for one: Python would make each header."""
    asked: list[int] = []

    def lay(burst: list[Any], *form: Any) -> Any:
        asked.append(len(burst))
        return NATIVE.lay(burst, *form)

    sent: list[int] = []
    loop, wires = NativeLoop(NATIVE), [Wire(96, {})]
    fan_out = replace(loop.fan_out(lambda run, size, _: sent.append(len(run) // size)), lay=lay)
    viewer = Viewer(new_keys(), THERE, lambda *_: None, wires, SentCounts([0], [0]), [1], fan_out=fan_out)
    packet = RtpPacket(False, False, 96, 0, 0, 7, (), bytes(100))
    held = [Outgoing(0, 0x5EED, 0x1_0005 + place, 0, packet) for place in range(MAX_SEGMENTS + 3)]
    send_to(viewer, held, memoryview(bytearray(BUFFER_BYTES)), SentAt(3.0))
    loop.close()
    assert asked == sent == [MAX_SEGMENTS, 3]


def test_a_nonce_that_serves_twice_would_be_seen() -> None:
    """The tests of the switch rely on it; here the guard is gone around."""
    keys, loop, watch = new_keys(), NativeLoop(NATIVE), NonceWatch()
    sender = SrtpSender(keys)
    watch.watch(sender, keys)
    fan_out = loop.fan_out(lambda *_: None)
    lent = sender.lend(fan_out.cipher, BurstIndexes([(int.from_bytes(HEADER[8:12]), 5, 6)]))
    numbers = (5).to_bytes(6) + bytes(4)
    for payload in (b"payload", b"another"):
        assert not watch.twice
        fan_out.send([HEADER], [payload], BURST[2], [(lent, THERE, numbers)])
    loop.close()
    assert watch.twice == [("RTP", keys.local, int.from_bytes(HEADER[8:12]), 5)]


# --- the network


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_fans_out_in_its_address_family_and_counts(host: str) -> None:
    port, peer = UdpPort(host, 0, NATIVE), UdpPort(host, 0)
    assert port.fan_out is not None
    headers, payloads = [HEADER] * 3, [b"a" * 100, b"b" * 100, b"c" * 7]
    target = (cipher(), peer.address, NUMBERS * 3)
    port.fan_out.send(headers, payloads, [(128 * 2 + 35, 128)], [target] * 200)
    assert (port.tx_packets, port.tx_bytes, port.tx_dropped) == (600, 200 * 291, 0)
    lengths = [len(peer._socket.recv(2048)) for _ in range(2)]
    assert lengths == [291, 291]  # joined again by the receiver's GRO
    port.close()
    peer.close()


def test_what_the_kernel_does_not_take_is_dropped_and_counted() -> None:
    """Without a route each datagram of a run is tried by itself, and dropped."""
    port = UdpPort("127.0.0.1", 0, NATIVE)
    assert port.fan_out is not None
    port.fan_out.send(*BURST, [(cipher(), ("203.0.113.1", 9), NUMBERS), (cipher(), THERE, NUMBERS)])
    assert (port.tx_packets, port.tx_dropped) == (2, 1)
    port.close()


def test_a_route_that_does_not_carry_a_segment_gets_each_datagram_by_itself() -> None:
    """As from Python: the kernel refuses the run, and fragments its datagrams."""
    code = (
        "from media.transport.udp import UdpPort; from tests.support.native_loop import NATIVE;"
        "port, peer = UdpPort('127.0.0.1', 0, NATIVE), UdpPort('127.0.0.1', 0);"
        "packets = [bytes(12)] * 3, [bytes(1400), bytes(1400), bytes(9)];"
        "target = NATIVE.Cipher(bytes(16), bytes(12)), peer.address, bytes(30);"
        "port.fan_out.send(*packets, [(1428 * 2 + 37, 1428)], [target] * 2);"
        "print(port.tx_packets, port.tx_bytes, port.tx_dropped, "
        "[len(peer._socket.recv(2048)) for _ in 'abcdef'])"
    )
    command = f"ip link set lo mtu 1300 up && exec {sys.executable} -c {shlex.quote(code)}"
    result = subprocess.run(
        ["unshare", "--net", "sh", "-c", command], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "6 5786 0 [1428, 1428, 37, 1428, 1428, 37]\n", result.stderr


def test_a_target_that_is_refused_does_not_keep_the_others_from_theirs() -> None:
    """Port 0 is nowhere: it is tried singly, and dropped; 200 others get the burst around it."""
    port, peer = UdpPort("127.0.0.1", 0, NATIVE), UdpPort("127.0.0.1", 0)
    assert port.fan_out is not None
    targets = [(cipher(), peer.address, NUMBERS)] * 100 + [(cipher(), ("127.0.0.1", 0), NUMBERS)]
    port.fan_out.send(*BURST, targets * 2)
    assert (port.tx_packets, port.tx_dropped) == (202, 2)
    port.close()
    peer.close()


# --- what it refuses

WRONG: list[tuple[str, tuple[Any, ...]]] = [
    ("no list", (None, [b""], [], [])),
    ("a short header", ([bytes(11)], [b""], [(27, 27)], [])),
    ("no bytes", ([HEADER], ["text"], [(28, 28)], [])),
    ("fewer payloads", ([HEADER], [], [(28, 28)], [])),
    ("too many packets", ([HEADER] * 65, [b""] * 65, [(28 * 65, 28)], [])),
    ("too long a burst", ([HEADER] * 64, [bytes(60_000)] * 64, [], [])),
    ("runs that end early", (*BURST[:2], [(34, 34)], [])),
    ("runs that end late", (*BURST[:2], [(36, 35)], [])),
    ("a size of 0", (*BURST[:2], [(35, 0)], [])),
    ("a negative run", (*BURST[:2], [(-35, 35), (70, 35)], [])),
    ("a huge run", (*BURST[:2], [(1 << 40, 35)], [])),
    ("a run that is no pair", (*BURST[:2], [35], [])),
    ("too many runs", (*BURST[:2], [(1, 1)] * 65, [])),
    ("a target that is no triple", (*BURST, [(cipher(), THERE)])),
    ("no cipher", (*BURST, [(b"key", THERE, NUMBERS)])),
    ("few numbers", (*BURST, [(cipher(), THERE, NUMBERS[1:])])),
    ("an address of TCP", (*BURST, [(cipher(), ("127.0.0.1", 9, 3), NUMBERS)])),
    ("a name", (*BURST, [(cipher(), ("localhost", 9), NUMBERS)])),
    ("a host with a zero", (*BURST, [(cipher(), ("127.0.0.1\0", 9), NUMBERS)])),
    ("IPv6 in short", (*BURST, [(cipher(), ("::1", 9), NUMBERS)])),
    ("no such port", (*BURST, [(cipher(), ("127.0.0.1", 65_536), NUMBERS)])),
    ("an address of numbers", (*BURST, [(cipher(), (1, 2), NUMBERS)])),
]


@pytest.mark.parametrize("arguments", [each for _, each in WRONG], ids=[name for name, _ in WRONG])
def test_it_refuses_what_is_no_burst_before_it_sends_anything(arguments: tuple[Any, ...]) -> None:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with end, pytest.raises((ValueError, TypeError, OverflowError)):
        NATIVE.send(end.fileno(), *arguments)


@pytest.mark.parametrize(("key", "salt"), [(15, 12), (16, 11), (17, 12), (0, 0)])
def test_a_cipher_has_a_whole_key(key: int, salt: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        NATIVE.Cipher(bytes(key), bytes(salt))


anything = st.recursive(
    st.none() | st.integers() | st.binary(max_size=40) | st.text(max_size=5) | st.builds(cipher),
    lambda parts: st.lists(parts, max_size=4) | st.lists(parts, max_size=4).map(tuple),
    max_leaves=12,
)
addresses = st.just(THERE) | st.just(("::1", 9, 0, 0)) | anything
lists = st.lists(st.binary(max_size=60) | anything, max_size=3)
targets = st.lists(
    st.tuples(st.builds(cipher) | anything, addresses, st.binary(max_size=40) | anything), max_size=3
)


@many
@given(
    lists | anything,
    lists | anything,
    st.lists(st.tuples(st.integers(-1, 200), st.integers(-1, 200)) | anything, max_size=3),
    targets | anything,
)
def test_whatever_it_is_given_it_sends_or_refuses(
    headers: Any, payloads: Any, runs: Any, targets: Any
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            packets, octets, dropped = NATIVE.send(end.fileno(), headers, payloads, runs, targets)
        except (ValueError, TypeError, OverflowError):
            return
        assert packets >= 0
        assert octets >= 0
        assert dropped >= 0
