"""A world in which each use of an SRTP index is seen, and whose publisher may send under any index."""

from collections.abc import Sequence
from itertools import count

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.rtp.srtp import Profile
from media.rtp.srtp_sender import derive_key
from media.switch.wire import Wire
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import PLAIN, FarViewer
from tests.support.nonce_watch import NonceWatch
from tests.support.published import AUDIO, TICKS
from tests.support.world import WITHOUT_KEYFRAMES, World


class JumpingPublisher(FarPublisher):
    """Protects packets under whatever 48-bit index they have: libsrtp itself would not jump that far."""

    def __init__(self, first: int = 1) -> None:
        super().__init__(WITHOUT_KEYFRAMES, first=first)
        key, salt = self.keys.remote[:16], self.keys.remote[16:]
        self._encrypt = AESGCM(derive_key(key, salt, 0x00, 16)).encrypt
        self._salt = int.from_bytes(derive_key(key, salt, 0x02, 12))

    def protect(self, plain: bytes, index: int = 0) -> bytes:
        header, payload = plain[:12], plain[12:]
        nonce = (int.from_bytes(header[8:12]) << 48 | index) ^ self._salt
        return header + self._encrypt(nonce.to_bytes(12), payload, header)


class OnceWorld(World):
    """Every packet has another payload, so that it can be told from all others."""

    def __init__(self, index: int = 1) -> None:
        super().__init__(index=index, publisher=JumpingPublisher(first=501), redundant=True)
        self.everyone: list[FarViewer] = []  # those that have left, too
        self.watch = NonceWatch()  # of what viewers are sent from their joining on
        self._numbers = count()

    def join(
        self, wires: Sequence[Wire | None] = PLAIN, profile: Profile = Profile.AEAD_AES_128_GCM
    ) -> FarViewer:
        far = super().join(wires, profile)
        self.watch.watch(far.viewer.sender, far.keys)
        self.everyone.append(far)
        return far

    def reform(self, far: FarViewer, earlier: int) -> None:
        """Send a viewer so many earlier packets of the sound with each one, if it may get them."""
        viewer, redundant = far.viewer, self.feed.redundant
        sound = viewer.forms[AUDIO]
        assert redundant is not None
        if sound is None or not any(form and form.earlier for form in viewer.forms):
            return
        present = next(n for n, wire in enumerate(viewer.wires) if wire and (n == AUDIO or redundant.has(n)))
        if redundant.has(present):
            redundant.release(present)
        takes = redundant.use(earlier, sound.payload_type) if earlier else AUDIO
        takes = AUDIO if takes is None else takes
        if takes != present:
            self.switch.reform(self.feed, viewer, present, takes)

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
