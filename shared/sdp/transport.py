"""The ICE and DTLS parameters that all live sections of an offer share."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from shared.errors import invalid_sdp
from shared.sdp.bundle import DescribedSection
from shared.sdp.lines import ICE_PWD, ICE_UFRAG, MAX_ATTRIBUTES

_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{1,16}) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)")
_DIGEST = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2})*")
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}


class Setup(StrEnum):
    """The DTLS roles that an offerer is ready to take (RFC 8842 5.1)."""

    ACTPASS = "actpass"
    ACTIVE = "active"
    PASSIVE = "passive"


class Transport(NamedTuple):
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[tuple[str, str], ...]  # ("sha-256", "AB:CD:..."): SHA-2, in capitals; at least one
    setup: Setup


def check_transport(ice_ufrag: str, ice_pwd: str, fingerprints: Sequence[tuple[str, str]]) -> None:
    """Raise `ServiceError(INVALID_SDP)` unless they are well formed, and one fingerprint is there."""
    if not ICE_UFRAG.fullmatch(ice_ufrag) or not ICE_PWD.fullmatch(ice_pwd):
        raise invalid_sdp("no ICE credentials, or malformed ones")
    if not fingerprints:
        raise invalid_sdp("no SHA-2 fingerprint")
    if len(fingerprints) > MAX_ATTRIBUTES["fingerprint"]:
        raise invalid_sdp("too many fingerprints")
    for algorithm, digest in fingerprints:
        if len(digest) != 3 * _DIGEST_BYTES.get(algorithm, 0) - 1:
            raise invalid_sdp(f"a {algorithm[:16]} fingerprint of the wrong length")
        if not _DIGEST.fullmatch(digest):
            raise invalid_sdp("a malformed fingerprint")


def shared_transport(live: Iterable[DescribedSection]) -> Transport:
    """The parameters that all sections share, not checked further.

    Raises `ServiceError(INVALID_SDP)` if the sections differ.
    """
    transports = {_transport(section) for section in live}
    if len(transports) > 1:
        raise invalid_sdp("the sections differ in ICE credentials, fingerprints or DTLS setup")
    return transports.pop()


def _transport(section: DescribedSection) -> Transport:
    try:
        setup = Setup(section.first("setup").lower())
    except ValueError:
        raise invalid_sdp("no DTLS setup of actpass, active or passive") from None
    return Transport(
        section.first("ice-ufrag"), section.first("ice-pwd"), _fingerprints(section.all("fingerprint")), setup
    )


def _fingerprints(values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The fingerprints (RFC 8122 5), without those that have a weak or unknown hash."""
    found = set()
    for value in values:
        match = _FINGERPRINT.fullmatch(value)
        if not match:
            raise invalid_sdp("a malformed fingerprint")
        algorithm, digest = match[1].lower(), match[2].upper()
        if algorithm in _DIGEST_BYTES:
            found.add((algorithm, digest))
    return tuple(sorted(found))
