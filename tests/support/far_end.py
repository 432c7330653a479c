"""The other end of a session, by libsrtp alone, and RTP packets that our own code had no hand in."""

import os
import struct
from collections.abc import Sequence

import pylibsrtp

from media.rtp.srtp import Profile, SrtpKeys

BOTH_PROFILES = (Profile.AEAD_AES_128_GCM, Profile.AES128_CM_SHA1_80)


def new_keys(profile: Profile = Profile.AEAD_AES_128_GCM) -> SrtpKeys:
    length = profile.key_length + profile.salt_length
    return SrtpKeys(profile, os.urandom(length), os.urandom(length))


def far_receiver(keys: SrtpKeys) -> pylibsrtp.Session:
    """A fresh session for what we send under `keys`."""
    return _session(keys.local, pylibsrtp.Policy.SSRC_ANY_INBOUND, keys.profile)


def far_sender(keys: SrtpKeys) -> pylibsrtp.Session:
    """A fresh session for what we get under `keys`."""
    return _session(keys.remote, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, keys.profile)


def _session(key: bytes, direction: int, profile: Profile) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key, direction, srtp_profile=profile.libsrtp)
    policy.window_size = 1024
    return pylibsrtp.Session(policy)


def rtp(
    sequence: int = 1,
    payload: bytes = b"payload",
    *,
    payload_type: int = 96,
    timestamp: int = 0,
    ssrc: int = 0x5EED,
    marker: bool = False,
    padding: int = 0,
    csrcs: Sequence[int] = (),
    extension: tuple[int, bytes] | None = None,
) -> bytes:
    """A packet by RFC 3550 5.1; `extension` is its profile and its block, of whole words."""
    first = 0x80 | bool(padding) << 5 | (extension is not None) << 4 | len(csrcs)
    header = struct.pack(
        "!BBHII", first, marker << 7 | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
    header += b"".join(csrc.to_bytes(4, "big") for csrc in csrcs)
    if extension is not None:
        profile, block = extension
        assert len(block) % 4 == 0
        header += struct.pack("!HH", profile, len(block) // 4) + block
    pad = bytes(padding - 1) + bytes((padding,)) if padding else b""
    return header + payload + pad


def one_byte(*elements: tuple[int, bytes]) -> tuple[int, bytes]:
    """An extension in the one-byte form (RFC 8285 4.2)."""
    block = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in elements)
    return 0xBEDE, block + bytes(-len(block) % 4)


def two_byte(*elements: tuple[int, bytes]) -> tuple[int, bytes]:
    """An extension in the two-byte form (RFC 8285 4.3)."""
    block = b"".join(bytes((number, len(value))) + value for number, value in elements)
    return 0x1000, block + bytes(-len(block) % 4)
