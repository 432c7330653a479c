"""A world in which no SRTP index may serve two packets, and whose publisher may send under any index."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.srtp import GcmSender, Profile, SrtpKeys
from media.switch.wire import Wire
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import PLAIN, FarViewer
from tests.support.published import TICKS
from tests.support.sequence_unwrapper import SequenceUnwrapper
from tests.support.world import WITHOUT_KEYFRAMES, World


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


class JumpingPublisher(FarPublisher):
    """Protects packets under whatever 48-bit index they have: libsrtp itself would not jump that far."""

    def __init__(self, published: Sequence[PublishedTrack] = WITHOUT_KEYFRAMES, first: int = 1) -> None:
        super().__init__(published, first=first)
        self._sender = GcmSender(SrtpKeys(self.keys.profile, self.keys.remote, self.keys.local))

    def protect(self, plain: bytes, index: int = 0) -> bytes:
        header, payload = plain[:12], plain[12:]
        out = bytearray(len(payload) + 16)
        nonce = ((int.from_bytes(header[8:12]) << 48 | index) ^ self._sender.salt).to_bytes(12)
        self._sender.encrypt_into(nonce, payload, header, out)
        return header + bytes(out)


class OnceWorld(World):
    """Every packet has another payload, so that it can be told from all others."""

    def __init__(self, index: int = 1) -> None:
        super().__init__(index=index, publisher=JumpingPublisher(first=501))
        self.everyone: list[FarViewer] = []  # those that have left, too
        self._numbers = count()

    def join(
        self, wires: Sequence[Wire | None] = PLAIN, profile: Profile = Profile.AEAD_AES_128_GCM
    ) -> FarViewer:
        far = super().join(wires, profile)
        if far.viewer.gcm is not None:
            far.viewer.gcm = OnceSender(far.keys)
        far.viewer.srtp = OnceSession(far.viewer.srtp)  # type: ignore[assignment]
        self.everyone.append(far)
        return far

    def replace_publisher(self) -> None:
        """Another one sends under the SSRCs and numbers of the one before, with keys of its own."""
        former = self.publisher
        publisher = JumpingPublisher()
        publisher.ssrcs, publisher.sequences = former.ssrcs, former.sequences
        self.open(publisher)

    def new_source(self, track: int, index: int, silence: float = 0.0) -> None:
        """After that silence, let the publisher continue under another SSRC behind that index."""
        self.publisher.ssrcs[track] += 2
        self.publisher.sequences[track] = index
        self.now += silence

    def datagram(self, track: int, step: int = 1) -> bytes:
        """The next packet of a track; a `step` below 1 is one from the past."""
        index = max(0, self.publisher.sequences[track] + step)
        number = next(self._numbers)
        payload = number.to_bytes(4) + bytes(number % 40)
        return self.publisher.packet(track, payload, sequence=index, timestamp=TICKS[track] * index)

    def burst(self, *tracks: int) -> None:
        """Send the next packet of each of these tracks, in one batch."""
        self.receive(*(self.datagram(track) for track in tracks))
