"""What an SDP offer asks for, and whether it can be served: one peer, one bundled ICE and DTLS transport.

Control reads an offer before it looks for a room, the media worker to answer it. Whatever the text is, an
`Offer` comes back or `ServiceError(INVALID_SDP)` is raised with a `detail`; there is no third outcome.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from shared.errors import invalid_sdp
from shared.sdp.codec import Codec, parse_codecs
from shared.sdp.lines import (
    ICE_PWD,
    ICE_UFRAG,
    TOKEN_CHARACTER,
    Attributes,
    MediaDescription,
    SessionDescription,
    parse_sdp,
)
from shared.sdp.sources import Sources, read_sources


class Direction(StrEnum):
    """As the side that says it sees it (RFC 8866 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


class Setup(StrEnum):
    """The DTLS roles that an offerer is ready to take (RFC 8842 5.1)."""

    ACTPASS = "actpass"
    ACTIVE = "active"
    PASSIVE = "passive"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSection:
    """One media section. Of one that is `rejected` only mid, kind, protocol and formats mean anything."""

    mid: str  # "" when it has none
    kind: str  # "audio", "video", or what is not served
    protocol: str
    formats: tuple[str, ...]
    rejected: bool  # refused by the offerer, or not audio or video over DTLS-SRTP
    bundled: bool
    direction: Direction = Direction.SENDRECV
    codecs: tuple[Codec, ...] = ()  # most preferred first, without those that only mend another's stream
    extensions: Mapping[str, int] = field(default_factory=dict)  # of RTP headers (RFC 8285): URI -> id
    sources: Sources = field(default_factory=Sources)
    rtcp_rsize: bool = False  # RFC 5506


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """All live sections share the ICE and DTLS parameters."""

    sections: tuple[MediaSection, ...]
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[tuple[str, str], ...]  # ("sha-256", "AB:CD:..."): SHA-2, in capitals; at least one
    setup: Setup
    extmap_allow_mixed: bool  # RFC 8285 6

    @property
    def live(self) -> tuple[MediaSection, ...]:
        return tuple(section for section in self.sections if not section.rejected)


class _Transport(NamedTuple):
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: Setup


# JSEP (RFC 9429 5.1.2) wants each of these taken for RTP over DTLS-SRTP.
_PROTOCOL = re.compile(r"(?:UDP/TLS/|TCP/DTLS/|TCP/TLS/)?RTP/S?AVPF?")
_MID = re.compile(rf"{TOKEN_CHARACTER}{{1,64}}")
_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{1,16}) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)")
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_MAX_FINGERPRINTS = 16
_EXTMAP = re.compile(r"([0-9]{1,4}) +([\x21-\x7e]+)(?: .*)?")


def check_publish(offer: Offer) -> None:
    """Raise unless every live section sends (RFC 9725 4.2)."""
    for section in offer.live:
        if section.direction not in (Direction.SENDONLY, Direction.SENDRECV):
            raise invalid_sdp(f"a publisher's {section.kind} section is {section.direction}")


def check_play(offer: Offer) -> None:
    """Raise unless every live section receives."""
    for section in offer.live:
        if section.direction not in (Direction.RECVONLY, Direction.SENDRECV):
            raise invalid_sdp(f"a viewer's {section.kind} section is {section.direction}")


def parse_offer(text: str) -> Offer:
    """Read an offer and check all that does not depend on its role."""
    description = parse_sdp(text)
    session = description.attributes
    if "ice-lite" in session:  # two lite agents would both wait for a check
        raise invalid_sdp("the offerer is ICE-lite, as this server is")
    described = _describe(description)
    live = [section for section in described if section.live]
    _check_layout(live)
    transports = {_transport(section) for section in live}
    if len(transports) > 1:
        raise invalid_sdp("the sections differ in ICE credentials, fingerprints or DTLS setup")
    transport = transports.pop()
    allow_mixed = all(section.has("extmap-allow-mixed") for section in live)
    return Offer(
        sections=tuple(_section(section, allow_mixed) for section in described),
        ice_ufrag=transport.ice_ufrag,
        ice_pwd=transport.ice_pwd,
        fingerprints=transport.fingerprints,
        setup=transport.setup,
        extmap_allow_mixed=allow_mixed,
    )


@dataclass(frozen=True, slots=True)
class _Described:
    """A media section amid the others."""

    media: MediaDescription
    mid: str
    bundled: bool
    live: bool
    # Where an attribute may stand: in the section, for the whole session, or, as a bundle-only section may
    # leave out what is common to the transport, in the one that the bundle names first (RFC 9143 7.1).
    levels: tuple[Attributes, ...]

    def first(self, name: str) -> str:
        return next((level.first(name) or "" for level in self.levels if name in level), "")

    def all(self, name: str) -> Sequence[str]:
        return next((level.all(name) for level in self.levels if name in level), ())

    def has(self, name: str) -> bool:
        return any(name in level for level in self.levels)


def _describe(description: SessionDescription) -> list[_Described]:
    group = _bundle(description.attributes)
    mids = [_mid(media) for media in description.media]
    by_mid = {mid: media for mid, media in zip(mids, description.media, strict=True) if mid}
    if len(by_mid) != len(mids) - mids.count(""):
        raise invalid_sdp("two sections have the same mid")
    tagged = tuple(by_mid[mid].attributes for mid in group[:1] if mid in by_mid)
    bundle = frozenset(group)
    described = []
    for mid, media in zip(mids, description.media, strict=True):
        bundled = mid in bundle
        bundle_only = bundled and "bundle-only" in media.attributes
        refused = media.port == 0 and not bundle_only  # RFC 9143 6
        served = media.kind in ("audio", "video") and _PROTOCOL.fullmatch(media.protocol) is not None
        levels = (media.attributes, description.attributes, *(tagged if bundle_only else ()))
        described.append(_Described(media, mid, bundled, served and not refused, levels))
    return described


def _bundle(session: Attributes) -> list[str]:
    """The mids of the BUNDLE group (RFC 9143), none without one."""
    for group in session.all("group"):
        semantics, *mids = group.split() or [""]
        if semantics == "BUNDLE":
            return mids
    return []


def _mid(media: MediaDescription) -> str:
    mid = media.attributes.first("mid")
    if mid is None:
        return ""
    if not _MID.fullmatch(mid):
        raise invalid_sdp("a mid is no token of at most 64 characters")
    return mid


def _check_layout(live: Sequence[_Described]) -> None:
    """One transport and one track of a kind is what this server has for a peer."""
    if not live:
        raise invalid_sdp("no audio or video section")
    for kind in ("audio", "video"):
        if sum(section.media.kind == kind for section in live) > 1:
            raise invalid_sdp(f"more than one {kind} section")
    if len(live) > 1 and not all(section.bundled for section in live):
        raise invalid_sdp("the sections are not all in one BUNDLE group")
    if not all(section.has("rtcp-mux") for section in live):
        raise invalid_sdp("a section without rtcp-mux")


def _transport(section: _Described) -> _Transport:
    ufrag, pwd = section.first("ice-ufrag"), section.first("ice-pwd")
    if not ICE_UFRAG.fullmatch(ufrag) or not ICE_PWD.fullmatch(pwd):
        raise invalid_sdp("no ICE credentials, or malformed ones")
    try:
        setup = Setup(section.first("setup").lower())
    except ValueError:
        raise invalid_sdp("no DTLS setup of actpass, active or passive") from None
    return _Transport(ufrag, pwd, _fingerprints(section.all("fingerprint")), setup)


def _fingerprints(values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """RFC 8122 5; those of hashes too weak or unknown are passed over."""
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


def _section(section: _Described, allow_mixed: bool) -> MediaSection:
    media = section.media
    identity = MediaSection(
        mid=section.mid,
        kind=media.kind,
        protocol=media.protocol,
        formats=media.formats,
        bundled=section.bundled,
        rejected=not section.live,
    )
    if identity.rejected:
        return identity
    return replace(
        identity,
        direction=_direction(section),
        codecs=parse_codecs(media),
        extensions=_extensions(media.attributes.all("extmap"), 255 if allow_mixed else 14),
        sources=read_sources(media.attributes),
        rtcp_rsize=section.has("rtcp-rsize"),
    )


def _direction(section: _Described) -> Direction:
    for level in section.levels[:2]:
        said = [direction for direction in Direction if direction in level]
        if len(said) > 1:
            raise invalid_sdp("more than one direction")
        if said:
            return said[0]
    return Direction.SENDRECV


def _extensions(values: Sequence[str], highest: int) -> dict[str, int]:
    """Of two for one URI or id the first counts; those of one direction only are passed over."""
    extensions: dict[str, int] = {}
    taken = set()
    for value in values:
        match = _EXTMAP.fullmatch(value)
        if not match:
            continue
        number, uri = int(match[1]), match[2]
        # 15 is reserved in the one-byte form (RFC 8285 4.2)
        if 1 <= number <= highest and number != 15 and number not in taken and uri not in extensions:
            extensions[uri] = number
            taken.add(number)
    return extensions
