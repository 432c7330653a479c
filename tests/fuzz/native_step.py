"""A publisher's packets on their way through the native step, where it was built.

The same in Python says what must come of them.
"""

import select
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from media.payload.keyframes import starts_keyframe
from media.pure.run import Run as PythonsRun
from media.rtp.joined import datagrams_of
from media.rtp.packet import parse
from media.rtp.run import MOST_PACKETS, NOT_KEPT, Form, Run
from media.transport.address import MAX_RUN_BYTES, Address
from media.transport.udp import UDP_GRO
from tests.fuzz.network import LAYERS, RTP
from tests.fuzz.target import Take, Target
from tests.support.native_loop import NATIVE

_KEY, _SALT = bytes(16), bytes(range(12))
_CSRCS = 0x0F  # their count, in a packet's first byte
_FORMS = [
    Form(96, 0, NOT_KEPT, 0, b""),
    Form(127, 7, bytes(number or 255 for number in range(256)), 9, b"abc"),
]
_INDEX = 0x1_FFF0
_ARRIVES_SECONDS = 5.0


@contextmanager
def _way() -> Iterator[Take]:
    """Copied, asked, laid out, encrypted, sent to a socket, received as the kernel joins it, and opened."""
    if NATIVE is None:
        yield lambda _data: None
        return
    native = NATIVE
    cipher, opener = native.Cipher(_KEY, _SALT), native.Opener(_KEY, _SALT)
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as here,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as there,
    ):
        there.bind(("127.0.0.1", 0))
        there.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        address: Address = there.getsockname()

        def take(data: bytes) -> None:
            datagrams = datagrams_in(data)
            assert opener.open(datagrams, _INDEX) is None  # nobody has encrypted that
            try:
                run = native.copy(datagrams)
            except ValueError:
                return
            same = PythonsRun.of([parse(datagram) for datagram in datagrams])
            assert _said(run) == _said(same)
            for form in _FORMS:
                laid = same.lay(form, MAX_RUN_BYTES)
                assert [*map(list, run.lay(form, MAX_RUN_BYTES))] == [*map(list, laid)]
                target = (cipher, address, _INDEX.to_bytes(6) + bytes(4))
                assert native.send(here.fileno(), run, form, MAX_RUN_BYTES, [target])[2] == 0
                packets = [parse(b"".join(both)) for both in zip(laid.headers, laid.payloads, strict=True)]
                place = 0
                while place < len(packets):
                    assert select.select([there], [], [], _ARRIVES_SECONDS)[0], "it did not arrive"
                    for arrived, _ in native.receive(there.fileno(), MOST_PACKETS, MAX_RUN_BYTES, False)[0]:
                        count = len(datagrams_of(arrived))
                        opened = opener.open(
                            [arrived] if isinstance(arrived, bytes) else arrived, _INDEX + place
                        )
                        expected = packets[place : place + count]
                        alike = {header[0] for header in laid.headers[place : place + count]}
                        assert (opened is not None) == (alike in ({0x80}, {0x90}))
                        assert opened is None or opened.packets() == expected
                        place += count

        yield take


def datagrams_in(data: bytes) -> list[bytes]:
    """Each is behind its length, of two bytes; the last may be shorter."""
    found = []
    while data and len(found) <= MOST_PACKETS:
        length = int.from_bytes(data[:2])
        found.append(data[2 : 2 + length])
        data = data[2 + length :]
    return found


def _joined(datagrams: Sequence[bytes]) -> bytes:
    return b"".join(len(datagram).to_bytes(2) + datagram for datagram in datagrams)


def _said(run: Run) -> list[object]:
    """All that is asked of a run, which is then renumbered."""
    run.number(3, 5, _INDEX, 0x7FFF_FFFF)
    said: list[object] = []
    last = len(run) - 1
    for part in (run, run.part(0, 1), run.part(last // 2, last + 1)):
        lists = (
            part.packets(),
            part.payloads(),
            part.contents(),
            part.sizes(),
            part.timestamps(),
            part.markers(),
        )
        said += [*map(list, lists), part.packet(0), part.octets, part.octets_of(part.timestamps()[0])]
        said.append([[*part.numbers(element)] for element in (1, 3, 14, 255)])
        for codec in ("VP8", "VP9", "H264", "H265", "AV1"):
            suspects = part.suspects(codec)
            said.append([place for place, payload in suspects if starts_keyframe(codec, payload)])
    for descriptor in (0, 3):
        for codec in ("VP8", "VP9", "AV1"):
            said.append([tuple(part) for part in run.pictures(codec, descriptor)])
            run.renumber(0, last + 1, codec, descriptor, 3, 0x7FFF)
            said.append([*run.packets()])
    return said


def targets() -> list[Target]:
    without_csrcs = [datagram for datagram in RTP + LAYERS if not datagram[0] & _CSRCS]
    seeds = [_joined(without_csrcs), *(_joined([datagram] * 3) for datagram in without_csrcs)]
    return [Target("runs through the native step", seeds, _way)]
