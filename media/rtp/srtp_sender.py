"""All that is sent under one SRTP master key. Nothing else in Roomcast encrypts SRTP.

Two packets under one key, SSRC and index betray their contents and, under GCM, let anybody forge more (RFC
3711 9.1, RFC 7714 8.4). So a key has one sender, and each index of it serves one packet: what would break
that is refused.

RTCP and the SHA1 profile go through libsrtp. Media under AEAD_AES_128_GCM implements RFC 7714 with
`AESGCM.encrypt_into`, which writes into the datagram that is sent: a third of libsrtp's cost for us
(docs/performance.md).
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.rtp.libsrtp import SrtpError
from media.rtp.nonces import NONCE, iv, joined_ivs, salted
from media.rtp.spent_indexes import INDEXES, SpentIndexes
from media.rtp.srtp import GCM_TAG, Profile, SrtpKeys, outbound_session

KEYS_REMEMBERED = 16_384  # about 150 bytes each

_SRTCP_INDEX = 0x7FFFFFFF  # RFC 3711 3.4: the bit above says that the packet is encrypted
_HALF_RANGE = 0x8000

_exhaust = deque[int](maxlen=0).extend


class SpentError(SrtpError):
    """A key, or an index under it, would serve twice. It is a bug of ours. Nothing leaves."""


class BurstIndexes:
    """The SSRCs and indexes of at most `MOST_NONCES` packets, prepared once for all viewers that share them.

    `runs` are the SSRC, the first index, and the one after the last, of successive packets with successive
    indexes. Raises `SpentError` for indexes beyond the last one that there is.
    """

    __slots__ = ("_ivs", "count", "runs")

    def __init__(self, runs: Sequence[tuple[int, int, int]]) -> None:
        self.runs = runs
        self.count = 0
        self._ivs: int | None = None
        for _, first, after in runs:
            if after > INDEXES:
                raise SpentError("no index is left")
            self.count += after - first

    @property
    def ivs(self) -> int:
        """Of all packets, joined in one number. Made for the first viewer that is sent to by Python."""
        if self._ivs is None:
            self._ivs = 0
            for ssrc, first, after in self.runs:
                count = after - first
                self._ivs = self._ivs << 8 * NONCE * count | joined_ivs(ssrc, first, count)
        return self._ivs


class SrtpSender:
    """Protects RTP and RTCP under the local key of `keys`. Raises `SpentError` if that key had a sender.

    Only `in_place` senders have `encrypt_burst` and `lend`: those of AEAD_AES_128_GCM.
    """

    __slots__ = (
        "_encrypt_into",
        "_highest",
        "_lent",
        "_libsrtp",
        "_refused",
        "_salt",
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
        self._highest: dict[int, int] = {}  # by SSRC, the highest index that libsrtp has protected
        self._srtcp: dict[bytes, int] = {}  # the latest index of each SSRC
        self._srtcp_index = keys.profile.srtcp_index
        if self.in_place:
            key, salt = keys.local[:16], keys.local[16:]
            self._session = derive_key(key, salt, 0x00, 16), derive_key(key, salt, 0x02, NONCE)
            self._encrypt_into = AESGCM(self._session[0]).encrypt_into
            self._salt = int.from_bytes(self._session[1])
            self._lent: object = None

    # --- RTP

    def next_index(self, ssrc: int) -> int | None:
        """The index after the highest one that has served; None if none has."""
        stream = self._srtp.get(ssrc)
        return None if stream is None else stream.next_index

    def encrypt_burst(
        self,
        indexes: BurstIndexes,
        payloads: Iterable[bytes],
        headers: Iterable[bytes | memoryview],
        ciphertexts: Iterable[memoryview],
    ) -> None:
        """Encrypt new packets, each into its place of `ciphertexts`. Raises `SpentError`.

        The hot loop over the packets runs in C: docs/performance.md.
        """
        self._spend(indexes)
        nonces = salted(indexes.ivs, self._salt, indexes.count)
        _exhaust(map(self._encrypt_into, nonces, payloads, headers, ciphertexts))

    def lend(self, make: Callable[[bytes, bytes], object], indexes: BurstIndexes) -> object:
        """What `make` makes of the session key and its salt, to encrypt one new packet under each index.

        Raises `SpentError`. An index stays spent, whatever becomes of its packet.
        """
        spent = self._srtp
        for ssrc, first, after in indexes.runs:  # as `_spend` does, without a call
            stream = spent[ssrc]
            if first == stream.next_index:
                stream.next_index = after
            elif not stream.spend(first, after):
                raise self._refusal(indexes.count)
        if self._lent is None:
            self._lent = make(*self._session)
        return self._lent

    def lend_run(self, make: Callable[[bytes, bytes], object], ssrc: int, first: int, after: int) -> object:
        """`lend` for the indexes of `ssrc` from `first` to below `after`."""
        stream = self._srtp[ssrc]
        if first == stream.next_index and after <= INDEXES:  # as `spend` does, without a call
            stream.next_index = after
        elif not stream.spend(first, after):
            raise self._refusal(after - first)
        if self._lent is None:
            self._lent = make(*self._session)
        return self._lent

    def _spend(self, indexes: BurstIndexes) -> None:
        for ssrc, first, after in indexes.runs:
            stream = self._srtp[ssrc]
            if first == stream.next_index:  # as `spend` does, without a call
                stream.next_index = after
            elif not stream.spend(first, after):
                raise self._refusal(indexes.count)

    def protect(self, ssrc: int, index: int, header: bytes, payload: bytes) -> bytes:
        """The datagram of a new packet. `index` has 48 bits. Raises `SrtpError`."""
        self._check_guess(ssrc, index)
        if not self._srtp[ssrc].spend(index, index + 1):
            raise self._refusal(1)
        return self._protect(ssrc, index, header, payload)

    def protect_again(self, ssrc: int, index: int, header: bytes, payload: bytes) -> bytes:
        """The same datagram once more: header and payload must be those that were sent under `index`.

        Raises `SrtpError`, too if nothing was.
        """
        self._check_guess(ssrc, index)
        if index not in self._srtp[ssrc]:
            raise SrtpError("nothing was sent under that index")
        return self._protect(ssrc, index, header, payload)

    def take_refused(self) -> int:
        """How many packets would have used an index twice, since the last call."""
        refused, self._refused = self._refused, 0
        return refused

    def _refusal(self, packets: int) -> SpentError:
        self._refused += packets
        return SpentError("an index would serve twice")

    def _protect(self, ssrc: int, index: int, header: bytes, payload: bytes) -> bytes:
        if not self.in_place:
            datagram = self._libsrtp.protect(header + payload)
            self._highest[ssrc] = max(self._highest.get(ssrc, 0), index)
            return datagram
        nonce = (iv(ssrc, index) ^ self._salt).to_bytes(NONCE)
        ciphertext = bytearray(len(payload) + GCM_TAG)
        self._encrypt_into(nonce, payload, header, ciphertext)
        return header + ciphertext

    def _check_guess(self, ssrc: int, index: int) -> None:
        """Refuse a packet that libsrtp would give another index.

        It takes the one nearest to the highest, and at first the sequence number itself.
        """
        if self.in_place:
            return
        highest = self._highest.get(ssrc, 0)
        if not highest - _HALF_RANGE < index < (highest + _HALF_RANGE if highest else 2 * _HALF_RANGE):
            raise SrtpError("sequence numbers jumped by half their range")

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
    digest = sha256(master).digest()[:16]
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
