"""What encrypts RTP for one viewer, in Python: `SrtpSender` lends it for indexes that it has spent."""

from collections import deque
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.rtp.libsrtp import SrtpError, SrtpSession
from media.rtp.nonces import NONCE, iv, salted
from media.rtp.srtp import GCM_TAG

_HALF_RANGE = 0x8000
_exhaust = deque[int](maxlen=0).extend


class GcmCipher:
    """AES-128-GCM under one SRTP session key (RFC 7714)."""

    __slots__ = ("_encrypt_into", "_salt")

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._encrypt_into = AESGCM(key).encrypt_into
        self._salt = int.from_bytes(salt)

    def check(self, ssrc: int, index: int) -> None:
        """It takes any index."""

    def seal(self, ssrc: int, index: int, header: bytes, payload: bytes) -> bytes:
        """The datagram of one packet."""
        nonce = (iv(ssrc, index) ^ self._salt).to_bytes(NONCE)
        ciphertext = bytearray(len(payload) + GCM_TAG)
        self._encrypt_into(nonce, payload, header, ciphertext)
        return header + ciphertext

    def seal_run(
        self,
        ivs: int,
        count: int,
        payloads: Iterable[bytes],
        headers: Iterable[bytes],
        ciphertexts: Iterable[memoryview],
    ) -> None:
        """Encrypt `count` packets, whose joined IVs are `ivs`, each into its place of `ciphertexts`.

        The hot loop over the packets runs in C: in `map`.
        """
        _exhaust(map(self._encrypt_into, salted(ivs, self._salt, count), payloads, headers, ciphertexts))


class LibsrtpCipher:
    """The SHA1 profile. libsrtp guesses a packet's index by its number, from the highest one so far."""

    __slots__ = ("_highest", "_session")

    def __init__(self, session: SrtpSession) -> None:
        self._session = session
        self._highest: dict[int, int] = {}  # by SSRC, the highest index that it has protected

    def check(self, ssrc: int, index: int) -> None:
        """Raises `SrtpError` for an index that libsrtp would take for another one.

        It takes the one nearest to the highest, and at first the number itself.
        """
        highest = self._highest.get(ssrc, 0)
        if not highest - _HALF_RANGE < index < (highest + _HALF_RANGE if highest else 2 * _HALF_RANGE):
            raise SrtpError("sequence numbers jumped by half their range")

    def seal(self, ssrc: int, index: int, header: bytes, payload: bytes) -> bytes:
        """The datagram of one packet. Raises `SrtpError` for one that is too long, or too old."""
        datagram = self._session.protect(header + payload)
        self._highest[ssrc] = max(self._highest.get(ssrc, index), index)
        return datagram
