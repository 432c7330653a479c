"""SRTP profiles and keys, and what libsrtp does with them. All that we send goes through `SrtpSender`."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from pylibsrtp import Policy

from media.rtp.libsrtp import SrtpError, SrtpSession

GCM_TAG = 16

REPLAY_WINDOW = 1024
# libsrtp keeps state for each SSRC that it has authenticated. A real peer has only a few.
MAX_SSRCS = 64


class Profile(Enum):
    """The protection profiles that we negotiate (RFC 5764 4.1.2, RFC 7714 14.2), the preferred one first."""

    # SRTCP has a tag and an index more (RFC 3711 3.4, RFC 7714 9.3); only GCM's tag comes before the index
    AEAD_AES_128_GCM = (
        Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        b"SRTP_AEAD_AES_128_GCM",
        16,
        12,
        GCM_TAG + 4,
        slice(-4, None),
    )
    AES128_CM_SHA1_80 = (
        Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
        b"SRTP_AES128_CM_SHA1_80",
        16,
        14,
        10 + 4,
        slice(-14, -10),
    )

    def __init__(
        self,
        libsrtp: int,
        openssl_name: bytes,
        key_length: int,
        salt_length: int,
        srtcp_overhead: int,
        srtcp_index: slice,
    ) -> None:
        self.libsrtp = libsrtp
        self.openssl_name = openssl_name
        self.key_length = key_length
        self.salt_length = salt_length
        self.srtcp_overhead = srtcp_overhead
        self.srtcp_index = srtcp_index


@dataclass(frozen=True, slots=True, repr=False)
class SrtpKeys:
    """Master key and salt of each direction, concatenated as libsrtp expects them.

    Raises `SrtpError` if they have a wrong length, which libsrtp would not notice, or if they are the same:
    then both ends would send under one key.
    """

    profile: Profile
    local: bytes
    remote: bytes

    def __post_init__(self) -> None:
        length = self.profile.key_length + self.profile.salt_length
        if not len(self.local) == len(self.remote) == length:
            raise SrtpError("a key has a wrong length")
        if self.local == self.remote:
            raise SrtpError("both directions have one key")


def split_keying_material(profile: Profile, material: bytes, *, is_client: bool) -> SrtpKeys:
    """The keys that DTLS exported (RFC 5764 4.2: client key, server key, client salt, server salt)."""
    key, salt = profile.key_length, profile.salt_length
    client = material[:key] + material[2 * key : 2 * key + salt]
    server = material[key : 2 * key] + material[2 * key + salt :]
    return SrtpKeys(profile, client, server) if is_client else SrtpKeys(profile, server, client)


class InboundSession(SrtpSession):
    """Unprotects the packets of one peer; raises `SrtpError` if they are forged, replayed or broken.

    `heard` is told each SSRC under which authentic RTCP comes, once.
    """

    def __init__(self, policy: Policy, heard: Callable[[bytes], None]) -> None:
        super().__init__(policy)
        self._heard = heard
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
        self._heard(ssrc)
        return plain

    def _check_room(self) -> None:
        if len(self._ssrcs) >= MAX_SSRCS:
            raise SrtpError("too many SSRCs")


def inbound_session(keys: SrtpKeys, heard: Callable[[bytes], None] = lambda _: None) -> InboundSession:
    """Unprotects the peer's packets."""
    return InboundSession(_policy(keys.remote, Policy.SSRC_ANY_INBOUND, keys.profile), heard)


def outbound_session(keys: SrtpKeys) -> SrtpSession:
    """For `SrtpSender` alone, which keeps the rule that libsrtp leaves to us when packets may be repeated."""
    policy = _policy(keys.local, Policy.SSRC_ANY_OUTBOUND, keys.profile)
    policy.allow_repeat_tx = True  # a plain retransmission equals the original
    return SrtpSession(policy)


def _policy(key: bytes, ssrc_type: int, profile: Profile) -> Policy:
    policy = Policy(key=key, ssrc_type=ssrc_type, srtp_profile=profile.libsrtp)
    policy.window_size = REPLAY_WINDOW
    return policy
