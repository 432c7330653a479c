"""The native step by itself: the same bytes as in Python, and nothing that can be asked of it breaks it."""

import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.pure.fan_out import fan_out_by
from media.rtp import srtp_sender
from media.rtp.extensions import send_time
from media.rtp.packet import RtpPacket
from media.rtp.run import MOST_PACKETS, NOT_KEPT, Form, Run
from media.rtp.srtp import Profile, SrtpKeys
from media.rtp.srtp_sender import SpentError, SrtpSender
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.switch.wire_profile import WireProfile
from media.transport.address import Address, numbers
from media.transport.udp import UdpPort
from tests.support.far_end import new_keys, rtp
from tests.support.native_loop import NATIVE, NativeLoop, many
from tests.support.nonce_watch import NonceWatch
from tests.support.runs import natively, run_of

SSRC = 0x5EED
FORM = Form(96, 0, NOT_KEPT, 0, b"")
NUMBERS = bytes(10)
THERE = ("127.0.0.1", 9)


def cipher() -> object:
    return NATIVE.Cipher(bytes(16), bytes(12))


def of(*payloads: bytes, first: int = 0) -> Run:
    packets = [rtp(first + n, payload, ssrc=SSRC) for n, payload in enumerate(payloads)]
    return natively(run_of(*packets, ssrc=SSRC, first=first))


# --- the same bytes


packets = st.lists(
    st.tuples(
        st.integers(0, 0xFFFFFFFF),  # timestamp
        st.binary(max_size=40) | st.sampled_from([bytes(1000), bytes(1000), bytes(1100)]),
        st.sampled_from([(), ((1, b"x"),), ((1, b"abc"), (2, b"\1" * 17))]),
    ),
    min_size=1,
    max_size=MOST_PACKETS,
)
# the offset and the shift of each
viewers = st.lists(
    st.tuples(st.sampled_from([0, 1 << 16, 3, 0x1_0003]), st.sampled_from([0, 0, 90_000, 0xFFFFFFFF])),
    min_size=1,
    max_size=6,
)


@many
@given(
    packets,
    viewers,
    st.sampled_from([0x1_0005, 0x1_FFF0, 0x12345_FFFE, (1 << 48) - 100]),
    st.sampled_from([0, 77]),
    st.sampled_from([Wire(96, {1: 3, 2: 4}), Wire(111, {1: 1}, sent_at=5, ssrc=9)]),
)
def test_each_viewer_gets_the_bytes_that_python_sends(
    those: list[tuple[int, bytes, tuple[tuple[int, bytes], ...]]],
    audience: list[tuple[int, int]],
    first: int,
    shift: int,
    wire: Wire,
) -> None:
    """Joins, changes and wraps are offsets and shifts."""
    run = run_of(
        *[
            RtpPacket(False, False, 96, 0, timestamp, 7, found, payload)
            for timestamp, payload, found in those
        ],
        ssrc=SSRC,
        first=first,
        shift=shift,
    )
    loop = NativeLoop(NATIVE)
    in_python = _sent(None, run, wire, audience)
    for native in (run, natively(run)):
        assert _sent(loop, native, wire, audience) == in_python
    loop.close()
    assert _sent(None, natively(run), wire, audience) == in_python  # over TCP, for one


def _sent(
    loop: NativeLoop | None, run: Run, wire: Wire, audience: Sequence[tuple[int, int]]
) -> dict[Address, list[tuple[bytes, int]]]:
    sent: dict[Address, list[tuple[bytes, int]]] = {}

    def transmit(datagrams: bytes | memoryview, size: int, address: Address) -> None:
        sent.setdefault(address, []).append((bytes(datagrams), size if len(datagrams) > size else 0))

    fan_out = fan_out_by(transmit) if loop is None else loop.fan_out(transmit)
    profile = WireProfile(0, wire)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(srtp_sender, "_taken", {})  # the same keys serve both
        for number, (offset, shift) in enumerate(audience):
            keys = SrtpKeys(Profile.AEAD_AES_128_GCM, bytes([number]) * 28, b"\xff" * 28)
            at = ("192.0.2.1", number)
            viewer = Viewer(keys, at, transmit, fan_out, [wire], [1])
            viewer.offsets, viewer.shifts = (offset,), (shift,)
            profile.add(viewer)
        profile.send(run, send_time(3.0))
    for viewer in profile.viewers:
        own = run.first - viewer.offsets[0]
        with pytest.raises(SpentError):
            viewer.sender.lend(fan_out.cipher, wire.ssrc or SSRC, own, own + 1)
    return sent


def test_a_nonce_that_serves_twice_would_be_seen() -> None:
    """The tests of the switch rely on it; here the guard is gone around."""
    keys, loop, watch = new_keys(), NativeLoop(NATIVE), NonceWatch()
    sender = SrtpSender(keys)
    watch.watch(sender, keys)
    fan_out = loop.fan_out(lambda *_: None)
    lent = sender.lend(fan_out.cipher, SSRC, 5, 6)
    for payload in (b"payload", b"another"):
        assert not watch.twice
        fan_out.send(of(payload, first=5), FORM, [(lent, THERE, numbers(5, 0))])
    loop.close()
    assert watch.twice == [("RTP", keys.local, SSRC, 5)]


# --- the network


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_fans_out_in_its_address_family_and_counts(host: str) -> None:
    port, peer = UdpPort(host, 0, NATIVE), UdpPort(host, 0)
    assert port.fan_out is not None
    run = of(b"a" * 100, b"b" * 100, b"c" * 7)
    port.fan_out.send(run, FORM, [(cipher(), peer.address, NUMBERS)] * 200)
    assert (port.tx_packets, port.tx_bytes, port.tx_dropped) == (600, 200 * 291, 0)
    lengths = [len(peer._socket.recv(2048)) for _ in range(2)]
    assert lengths == [291, 291]  # joined again by the receiver's GRO
    port.close()
    peer.close()


def test_what_the_kernel_does_not_take_is_dropped_and_counted() -> None:
    """Without a route each datagram of a run is tried by itself, and dropped."""
    port = UdpPort("127.0.0.1", 0, NATIVE)
    assert port.fan_out is not None
    nowhere = "203.0.113.1", 9
    port.fan_out.send(of(b"payload"), FORM, [(cipher(), nowhere, NUMBERS), (cipher(), THERE, NUMBERS)])
    assert (port.tx_packets, port.tx_dropped) == (2, 1)
    port.close()


def test_a_route_that_does_not_carry_a_segment_gets_each_datagram_by_itself() -> None:
    """As from Python: the kernel refuses the run, and fragments its datagrams."""
    code = (
        "from media.transport.udp import UdpPort; from tests.support.native_loop import NATIVE;"
        "port, peer = UdpPort('127.0.0.1', 0, NATIVE), UdpPort('127.0.0.1', 0);"
        "from tests.unit.media.native.test_fan_out import FORM, of;"
        "target = NATIVE.Cipher(bytes(16), bytes(12)), peer.address, bytes(10);"
        "port.fan_out.send(of(bytes(1400), bytes(1400), bytes(9)), FORM, [target] * 2);"
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
    port.fan_out.send(of(b"payload"), FORM, targets * 2)
    assert (port.tx_packets, port.tx_dropped) == (202, 2)
    port.close()
    peer.close()


# --- what it refuses

RUN = of(b"payload")
WRONG: list[tuple[str, tuple[Any, ...]]] = [
    ("no run", (None, FORM, 65_000, [])),
    ("a run of Python", (run_of(rtp(1)), FORM, 65_000, [])),
    ("no form", (RUN, None, 65_000, [])),
    ("a form that is cut", (RUN, FORM[:4], 65_000, [])),
    ("no targets", (RUN, FORM, 65_000, None)),
    ("too long a run", (of(*[bytes(5_000)] * 64), FORM, 65_000, [])),
    ("too long a send", (of(*[bytes(1_200)] * 64), FORM, 1 << 20, [])),
    ("a target that is no triple", (RUN, FORM, 65_000, [(cipher(), THERE)])),
    ("no cipher", (RUN, FORM, 65_000, [(b"key", THERE, NUMBERS)])),
    ("few numbers", (RUN, FORM, 65_000, [(cipher(), THERE, NUMBERS[1:])])),
    ("an address of TCP", (RUN, FORM, 65_000, [(cipher(), ("127.0.0.1", 9, 3), NUMBERS)])),
    ("a name", (RUN, FORM, 65_000, [(cipher(), ("localhost", 9), NUMBERS)])),
    ("a host with a zero", (RUN, FORM, 65_000, [(cipher(), ("127.0.0.1\0", 9), NUMBERS)])),
    ("IPv6 in short", (RUN, FORM, 65_000, [(cipher(), ("::1", 9), NUMBERS)])),
    ("no such port", (RUN, FORM, 65_000, [(cipher(), ("127.0.0.1", 65_536), NUMBERS)])),
    ("an address of numbers", (RUN, FORM, 65_000, [(cipher(), (1, 2), NUMBERS)])),
]


@pytest.mark.parametrize("arguments", [each for _, each in WRONG], ids=[name for name, _ in WRONG])
def test_it_refuses_anything_else_before_it_sends_anything(arguments: tuple[Any, ...]) -> None:
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
targets = st.lists(
    st.tuples(st.builds(cipher) | anything, addresses, st.binary(max_size=40) | anything), max_size=3
)


@many
@given(
    st.builds(of, st.binary(max_size=40)) | anything,
    st.just(FORM) | st.tuples(*[anything] * 5) | anything,
    st.sampled_from([0, -1, 65_000]) | anything,
    targets | anything,
)
def test_whatever_it_is_given_it_sends_or_refuses(run: Any, form: Any, most: Any, targets: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            sent, octets, dropped = NATIVE.send(end.fileno(), run, form, most, targets)
        except (ValueError, TypeError, OverflowError):
            return
        assert sent >= 0
        assert octets >= 0
        assert dropped >= 0
