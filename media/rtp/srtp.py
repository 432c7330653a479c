"""SRTP keys and the two directions of a session.

Everything inbound, RTCP and the SHA1 profile go through libsrtp. Outbound media under AEAD_AES_128_GCM
implements RFC 7714 with `AESGCM.encrypt_into`, which writes into the datagram that is sent: a third of
libsrtp's cost for us (docs/performance.md).

The rule for its security: never protect two different packets under the same key, SSRC and index. `GcmSender`
only derives keys; the switch, which numbers packets, keeps the rule.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pylibsrtp import Policy

from media.rtp.libsrtp import SrtpError, SrtpSession

GCM_TAG = 16
NONCE = 12  # bytes (RFC 7714 8.1)
MOST_NONCES = 64  # joined at once, at most

# Numbers that join `count` nonces: each of value 1, and of values 0, 1, 2 and so on.
_ONES = [sum(1 << 8 * NONCE * place for place in range(count)) for count in range(MOST_NONCES + 1)]
_RISING = [sum(_ONES[place] for place in range(count)) for count in range(MOST_NONCES + 1)]
_SPLIT = [struct.Struct(f"{NONCE}s" * count).unpack for count in range(MOST_NONCES + 1)]

REPLAY_WINDOW = 1024
# libsrtp keeps state for each SSRC that it has authenticated. A real peer has only a few.
MAX_SSRCS = 64


class Profile(Enum):
    """The protection profiles that we negotiate (RFC 5764 4.1.2, RFC 7714 14.2), the preferred one first."""

    AEAD_AES_128_GCM = (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, b"SRTP_AEAD_AES_128_GCM", 16, 12, GCM_TAG)
    AES128_CM_SHA1_80 = (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, b"SRTP_AES128_CM_SHA1_80", 16, 14, 10)

    def __init__(
        self, libsrtp: int, openssl_name: bytes, key_length: int, salt_length: int, tag_length: int
    ) -> None:
        self.libsrtp = libsrtp
        self.openssl_name = openssl_name
        self.key_length = key_length
        self.salt_length = salt_length
        self.srtcp_overhead = tag_length + 4  # the tag and the index (RFC 3711 3.4, RFC 7714 9.3)


@dataclass(frozen=True, slots=True, repr=False)
class SrtpKeys:
    """Master key and salt of each direction, concatenated as libsrtp expects them."""

    profile: Profile
    local: bytes
    remote: bytes


def split_keying_material(profile: Profile, material: bytes, *, is_client: bool) -> SrtpKeys:
    """The keys that DTLS exported (RFC 5764 4.2: client key, server key, client salt, server salt)."""
    key, salt = profile.key_length, profile.salt_length
    client = material[:key] + material[2 * key : 2 * key + salt]
    server = material[key : 2 * key] + material[2 * key + salt : 2 * (key + salt)]
    return SrtpKeys(profile, client, server) if is_client else SrtpKeys(profile, server, client)


class InboundSession(SrtpSession):
    """Unprotects the packets of one peer; raises `SrtpError` if they are forged, replayed or broken."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self._ssrcs: set[bytes] = set()

    def unprotect(self, packet: bytes) -> bytes:
        ssrc = packet[8:12]
        if ssrc in self._ssrcs:
            return super().unprotect(packet)
        self._check_room()
        plain = super().unprotect(packet)
        self._ssrcs.add(ssrc)
        return plain

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        ssrc = packet[4:8]
        if ssrc in self._ssrcs:
            return super().unprotect_rtcp(packet)
        self._check_room()
        plain = super().unprotect_rtcp(packet)
        self._ssrcs.add(ssrc)
        return plain

    def _check_room(self) -> None:
        if len(self._ssrcs) >= MAX_SSRCS:
            raise SrtpError("too many SSRCs")


def inbound_session(keys: SrtpKeys) -> InboundSession:
    """Unprotects the peer's packets."""
    return InboundSession(_policy(keys.remote, Policy.SSRC_ANY_INBOUND, keys.profile))


def outbound_session(keys: SrtpKeys) -> SrtpSession:
    """Protects our RTCP, and media under the SHA1 profile. The same packet may be protected repeatedly."""
    policy = _policy(keys.local, Policy.SSRC_ANY_OUTBOUND, keys.profile)
    policy.allow_repeat_tx = True  # a plain retransmission equals the original
    return SrtpSession(policy)


def _policy(key: bytes, ssrc_type: int, profile: Profile) -> Policy:
    policy = Policy(key=key, ssrc_type=ssrc_type, srtp_profile=profile.libsrtp)
    policy.window_size = REPLAY_WINDOW
    return policy


class GcmSender:
    """What the switch needs to protect media for one viewer under AEAD_AES_128_GCM.

    `encrypt_into(nonce, payload, header, out)` takes a nonce that `nonces` has made.
    """

    __slots__ = ("encrypt_into", "salt")

    def __init__(self, keys: SrtpKeys) -> None:
        master_key, master_salt = keys.local[:16], keys.local[16:]
        self.encrypt_into = AESGCM(_derive(master_key, master_salt, 0x00, 16)).encrypt_into
        self.salt = int.from_bytes(_derive(master_key, master_salt, 0x02, 12))

    def nonces(self, ivs: int, count: int) -> tuple[bytes, ...]:
        """The nonces of `count` packets from their joined IVs: all are salted in one operation."""
        return _SPLIT[count]((ivs ^ self.salt * _ONES[count]).to_bytes(NONCE * count))


def gcm_iv(ssrc: int, index: int) -> int:
    """The IV of a packet before it is salted (RFC 7714 8.1), as a number of `NONCE` bytes.

    `index` is the 48-bit index of the packet: its rollover counter and sequence number.
    """
    return ssrc << 48 | index


def join_ivs(ivs: Iterable[int]) -> int:
    """Many IVs, joined in one number."""
    return int.from_bytes(b"".join(iv.to_bytes(NONCE) for iv in ivs))


def successive_ivs(first: int, count: int) -> int:
    """The joined IVs of `count` packets of one SSRC with successive indexes."""
    return first * _ONES[count] + _RISING[count]


def _derive(master_key: bytes, master_salt: bytes, label: int, length: int) -> bytes:
    """A session key (RFC 3711 4.3.1 with key_derivation_rate 0; the GCM salt fills the leading 96 bits)."""
    x = int.from_bytes(master_salt.ljust(14, b"\0")) ^ (label << 48)
    keystream = Cipher(algorithms.AES(master_key), modes.CTR((x << 16).to_bytes(16))).encryptor()
    return keystream.update(bytes(length))
