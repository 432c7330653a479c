"""The ICE and DTLS parameters that all live sections of an offer share."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from shared.errors import invalid_sdp
from shared.sdp.bundle import DescribedSection
from shared.sdp.lines import ICE_PWD, ICE_UFRAG

_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{1,16}) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)")
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_MAX_FINGERPRINTS = 16


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


def shared_transport(live: Iterable[DescribedSection]) -> Transport:
    """Raises `ServiceError(INVALID_SDP)` unless all sections have the same, valid parameters."""
    transports = {_transport(section) for section in live}
    if len(transports) > 1:
        raise invalid_sdp("the sections differ in ICE credentials, fingerprints or DTLS setup")
    return transports.pop()


def _transport(section: DescribedSection) -> Transport:
    ufrag, pwd = section.first("ice-ufrag"), section.first("ice-pwd")
    if not ICE_UFRAG.fullmatch(ufrag) or not ICE_PWD.fullmatch(pwd):
        raise invalid_sdp("no ICE credentials, or malformed ones")
    try:
        setup = Setup(section.first("setup").lower())
    except ValueError:
        raise invalid_sdp("no DTLS setup of actpass, active or passive") from None
    return Transport(ufrag, pwd, _fingerprints(section.all("fingerprint")), setup)


def _fingerprints(values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """RFC 8122 5; those with a weak or unknown hash are ignored."""
    if len(values) > _MAX_FINGERPRINTS:
        raise invalid_sdp("too many fingerprints")
    found = set()
    for value in values:
        match = _FINGERPRINT.fullmatch(value)
        if not match:
            raise invalid_sdp("a malformed fingerprint")
        algorithm, digest = match[1].lower(), match[2].upper()
        if algorithm not in _DIGEST_BYTES:
            continue
        if len(digest) != 3 * _DIGEST_BYTES[algorithm] - 1:
            raise invalid_sdp(f"a {algorithm} fingerprint of the wrong length")
        found.add((algorithm, digest))
    if not found:
        raise invalid_sdp("no SHA-2 fingerprint")
    return tuple(sorted(found))
