"""All that is sent under one SRTP master key. Nothing else in Roomcast encrypts SRTP.

Two packets under one key, SSRC and index betray their contents and, under GCM, let anybody forge more (RFC
3711 9.1, RFC 7714 8.4). So a key has one sender, and each index of it serves one packet: what would break
that is refused.

RTCP and the SHA1 profile go through libsrtp. Media under AEAD_AES_128_GCM implements RFC 7714 with
`AESGCM.encrypt_into`, which writes into the datagram that is sent: libsrtp costs more
(docs/decisions/0042-what-was-measured-and-not-taken.md).
"""

from collections import defaultdict
from collections.abc import Callable
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from media.rtp.cipher import GcmCipher, LibsrtpCipher
from media.rtp.libsrtp import SrtpError
from media.rtp.nonces import NONCE
from media.rtp.spent_indexes import SpentIndexes
from media.rtp.srtp import Profile, SrtpKeys, outbound_session

KEYS_REMEMBERED = 16_384  # about 170 bytes each

_SRTCP_INDEX = 0x7FFFFFFF  # RFC 3711 3.4: the bit above says that the packet is encrypted

MakeCipher = Callable[[bytes, bytes], object]  # of a session key and its salt


class SpentError(SrtpError):
    """A key, or an index under it, would serve twice. It is a bug of ours. Nothing leaves."""


class SrtpSender:
    """Protects RTP and RTCP under the local key of `keys`. Raises `SpentError` if that key had a sender.

    `in_place` are those of AEAD_AES_128_GCM: other ciphers than Python's may have their session key.
    """

    __slots__ = (
        "_lent",
        "_libsrtp",
        "_own",
        "_refused",
        "_session",
        "_srtcp",
        "_srtcp_index",
        "_srtp",
        "in_place",
    )

    def __init__(self, keys: SrtpKeys) -> None:
        _take(keys.local)
        self.in_place = keys.profile is Profile.AEAD_AES_128_GCM
        self._refused = 0
        self._libsrtp = outbound_session(keys)
        self._srtp: defaultdict[int, SpentIndexes] = defaultdict(SpentIndexes)  # by SSRC
        self._srtcp: dict[bytes, int] = {}  # the latest index of each SSRC
        self._srtcp_index = keys.profile.srtcp_index
        self._session = b"", b""
        self._own: GcmCipher | LibsrtpCipher | None = None
        self._lent: object = None
        if self.in_place:
            key, salt = keys.local[:16], keys.local[16:]
            self._session = derive_key(key, salt, 0x00, 16), derive_key(key, salt, 0x02, NONCE)
        else:
            self._own = LibsrtpCipher(self._libsrtp)

    @property
    def _cipher(self) -> GcmCipher | LibsrtpCipher:
        """Python's, made when it is needed: a viewer to whom another one sends may never need it."""
        if self._own is None:
            self._own = GcmCipher(*self._session)
        return self._own

    # --- RTP

    def next_index(self, ssrc: int) -> int | None:
        """The index after the highest one that has served; None if none has."""
        stream = self._srtp.get(ssrc)
        return None if stream is None else stream.next_index

    def lend(self, make: MakeCipher | None, ssrc: int, first: int, after: int) -> object:
        """What encrypts one new packet under each index of `ssrc` from `first` to below `after` (48 bits).

        `make` makes it of the session key and its salt; None: it is Python's. Raises `SpentError`, and
        `SrtpError` where libsrtp would guess another index. An index stays spent, whatever becomes of its
        packet.
        """
        if not self.in_place:
            self._cipher.check(ssrc, first)
        if not self._srtp[ssrc].spend(first, after):
            raise self._refusal(after - first)
        if make is None:
            return self._cipher
        if self._lent is None:
            self._lent = make(*self._session)
        return self._lent

    def protect(self, ssrc: int, index: int, header: bytes, payload: bytes) -> bytes:
        """The datagram of a new packet. `index` has 48 bits. Raises `SrtpError`."""
        self.lend(None, ssrc, index, index + 1)
        return self._cipher.seal(ssrc, index, header, payload)

    def protect_again(self, ssrc: int, index: int, header: bytes, payload: bytes) -> bytes:
        """The same datagram once more: header and payload must be those that were sent under `index`.

        Raises `SrtpError`, too if nothing was.
        """
        self._cipher.check(ssrc, index)
        if index not in self._srtp[ssrc]:
            raise SrtpError("nothing was sent under that index")
        return self._cipher.seal(ssrc, index, header, payload)

    def take_refused(self) -> int:
        """How many packets would have used an index twice, since the last call."""
        refused, self._refused = self._refused, 0
        return refused

    def _refusal(self, packets: int) -> SpentError:
        self._refused += packets
        return SpentError("an index would serve twice")

    # --- RTCP

    def protect_rtcp(self, compound: bytes) -> bytes:
        """The datagram of a compound packet. libsrtp numbers it. Raises `SrtpError`."""
        datagram = self._libsrtp.protect_rtcp(compound)
        ssrc = compound[4:8]
        index = int.from_bytes(datagram[self._srtcp_index]) & _SRTCP_INDEX
        if index <= self._srtcp.get(ssrc, -1):
            raise self._refusal(1)
        self._srtcp[ssrc] = index
        return datagram


_taken: dict[bytes, None] = {}  # digests of the master keys that have, or had, a sender, the oldest first


def _take(master: bytes) -> None:
    digest = sha256(master).digest()
    if digest in _taken:
        raise SpentError("a key would serve two senders")
    _taken[digest] = None
    if len(_taken) > KEYS_REMEMBERED:
        del _taken[next(iter(_taken))]


def derive_key(master_key: bytes, master_salt: bytes, label: int, length: int) -> bytes:
    """A session key (RFC 3711 4.3.1 with key_derivation_rate 0; the GCM salt fills the leading 96 bits)."""
    x = int.from_bytes(master_salt.ljust(14, b"\0")) ^ (label << 48)
    keystream = Cipher(algorithms.AES(master_key), modes.CTR((x << 16).to_bytes(16))).encryptor()
    return keystream.update(bytes(length))
