"""A switch with one room, its publisher and its viewers, in which no index may serve two packets."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Any

from media.counts import ViewerStats
from media.feedback.viewer_feedback import ViewerFeedback
from media.rtp.rtcp import nack
from media.rtp.srtp import GcmSender, Profile, SrtpKeys
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.transport.address import Address
from tests.support.far_end import far_receiver, new_keys, rtp
from tests.support.relay import SSRCS, TYPES, new_feed
from tests.support.sequence_unwrapper import SequenceUnwrapper

WIRES = (
    (Wire(96, {}), Wire(111, {})),
    (Wire(101, {}, nack=True, rtx=102), Wire(9, {}, nack=True)),
    (Wire(96, {}, nack=True), None),
)


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
        return self.switch.receive([(self.feed, datagram) for datagram in datagrams], self.now).rtcp

    def burst(self, *tracks: int) -> None:
        self.send([self.datagram(track) for track in tracks])

    def far_end(self, viewer: Viewer) -> Any:
        return far_receiver(self._keys[viewer.address])

    def received(self, viewer: Viewer) -> list[bytes]:
        """All that `viewer` got, read by an end that starts afresh."""
        unprotect = self.far_end(viewer).unprotect
        return [unprotect(datagram) for datagram in self.inbox[viewer.address]]
