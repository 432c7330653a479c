"""What an SDP offer asks for, and whether it can be served: one peer, one bundled ICE and DTLS transport.

Control reads an offer before it looks for a room, the media worker reads it to answer it. Whatever the text
is, `parse_offer` returns an `Offer` or raises `ServiceError(INVALID_SDP)` with a `detail`, and nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from shared.errors import invalid_sdp
from shared.sdp.bundle import DescribedSection, describe_sections
from shared.sdp.codec import Codec, parse_codecs
from shared.sdp.lines import parse_sdp
from shared.sdp.sources import Sources, read_sources
from shared.sdp.transport import Setup, shared_transport

_EXTMAP = re.compile(r"([0-9]{1,4}) +([\x21-\x7e]+)(?: .*)?")


class Direction(StrEnum):
    """Seen from the side that wrote the description (RFC 8866 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSection:
    """One media section. When it is `rejected`, only mid, kind, protocol and formats are meaningful."""

    mid: str  # "" when it has none
    kind: str  # "audio", "video", or a kind that is not served
    protocol: str
    formats: tuple[str, ...]
    rejected: bool  # refused by the offerer, or not audio or video over DTLS-SRTP
    bundled: bool
    direction: Direction = Direction.SENDRECV
    codecs: tuple[Codec, ...] = ()  # most preferred first, without RTX, FEC and the like
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
    """Read an offer, and check everything that does not depend on its role."""
    description = parse_sdp(text)
    session = description.attributes
    if "ice-lite" in session:  # two lite agents would both wait for a check
        raise invalid_sdp("the offerer is ICE-lite, as this server is")
    described = describe_sections(description)
    live = [section for section in described if section.live]
    transport = shared_transport(live)
    allow_mixed = all(section.has("extmap-allow-mixed") for section in live)
    return Offer(
        sections=tuple(_section(section, allow_mixed) for section in described),
        ice_ufrag=transport.ice_ufrag,
        ice_pwd=transport.ice_pwd,
        fingerprints=transport.fingerprints,
        setup=transport.setup,
        extmap_allow_mixed=allow_mixed,
    )


def _section(section: DescribedSection, allow_mixed: bool) -> MediaSection:
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


def _direction(section: DescribedSection) -> Direction:
    for level in section.levels[:2]:
        said = [direction for direction in Direction if direction in level]
        if len(said) > 1:
            raise invalid_sdp("more than one direction")
        if said:
            return said[0]
    return Direction.SENDRECV


def _extensions(values: Sequence[str], highest: int) -> dict[str, int]:
    """The first one for a URI or id counts; those for one direction only are ignored."""
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
