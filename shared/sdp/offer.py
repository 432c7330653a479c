"""What an SDP offer asks for, and whether it can be served: one peer, one bundled ICE and DTLS transport.

Control parses an offer before it looks for a room, and the media worker answers the parsed value. Whatever
the text is, `parse_offer` returns an `Offer` or raises `ServiceError(INVALID_SDP)` with a `detail`, and
nothing else. The values check themselves: one that came over RPC is as good as one that was parsed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from shared.errors import invalid_sdp
from shared.sdp.bundle import MID, DescribedSection, describe_sections
from shared.sdp.codec import MAX_CODECS, Codec, parse_codecs
from shared.sdp.lines import MAX_ATTRIBUTES, MAX_SECTIONS, PROTOCOL, WORD, parse_sdp
from shared.sdp.sources import Sources, read_sources
from shared.sdp.transport import Setup, check_transport, shared_transport

_WORD, _PROTOCOL = re.compile(WORD), re.compile(PROTOCOL)
_URI = r"[\x21-\x7e]{1,256}"  # of a header extension; the longest one in use has 73 characters
_EXTENSION = re.compile(_URI)
_IDS = frozenset(range(1, 256)) - {15}  # 15 is reserved in the one-byte form (RFC 8285 4.2)
_HIGHEST_ONE_BYTE_ID = 14
_FFMPEG = "FFmpegPublishSession"  # what its WHIP muxer names its sessions
_EXTMAP = re.compile(rf"([0-9]{{1,4}})(?:/(sendonly|recvonly|sendrecv))? +({_URI})(?: .*)?")


class Direction(StrEnum):
    """Seen from the side that wrote the description (RFC 8866 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


_ONE_WAY = frozenset({Direction.SENDONLY, Direction.RECVONLY})


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSection:
    """One media section. One that is `rejected` has what the answer needs, and nothing else.

    Raises `ServiceError(INVALID_SDP)` unless all of it is in bounds.
    """

    mid: str  # "" when it has none
    kind: str  # "audio", "video", or a kind that is not served
    protocol: str
    first_format: str  # which a refusal repeats
    rejected: bool  # refused by the offerer, or not audio or video over DTLS-SRTP
    bundled: bool
    direction: Direction = Direction.SENDRECV
    codecs: tuple[Codec, ...] = ()  # most preferred first, without RTX, FEC and the like
    extensions: Mapping[str, int] = field(default_factory=dict)  # of RTP headers (RFC 8285): URI -> id
    one_way: Mapping[str, Direction] = field(default_factory=dict)  # those that are sendonly or recvonly
    sources: Sources = field(default_factory=Sources)
    rtcp_rsize: bool = False  # RFC 5506
    asks_round_trip: bool = False  # it sends reference times (RFC 3611 5.1), and wants to be answered

    def __post_init__(self) -> None:
        words = _WORD.fullmatch(self.kind) and _WORD.fullmatch(self.first_format)
        if not (words and _PROTOCOL.fullmatch(self.protocol)):
            raise invalid_sdp("a malformed media section")
        if self.mid and not MID.fullmatch(self.mid):
            raise invalid_sdp("a mid is no token of at most 64 characters")
        if self.rejected and (self.codecs or self.extensions or self.sources != Sources()):
            raise invalid_sdp("a rejected section with contents")
        payload_types = {codec.payload_type for codec in self.codecs}
        if len(self.codecs) > MAX_CODECS or len(payload_types) < len(self.codecs):
            raise invalid_sdp("too many codecs, or two with one payload type")
        ids = set(self.extensions.values())
        if len(self.extensions) > MAX_ATTRIBUTES["extmap"] or len(ids) < len(self.extensions):
            raise invalid_sdp("too many header extensions, or two with one id")
        if not (ids <= _IDS and all(map(_EXTENSION.fullmatch, self.extensions))):
            raise invalid_sdp("a malformed header extension")
        if not self.one_way.keys() <= self.extensions.keys() or not _ONE_WAY.issuperset(
            self.one_way.values()
        ):
            raise invalid_sdp("a header extension without a direction of its own")

    @property
    def sent_extensions(self) -> dict[str, int]:
        """The header extensions that the offerer may write."""
        return self._extensions_but(Direction.RECVONLY)

    @property
    def received_extensions(self) -> dict[str, int]:
        """The header extensions that the offerer reads."""
        return self._extensions_but(Direction.SENDONLY)

    def _extensions_but(self, direction: Direction) -> dict[str, int]:
        return {uri: n for uri, n in self.extensions.items() if self.one_way.get(uri) is not direction}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """All live sections share the ICE and DTLS parameters. There is one at least, and one of a kind at most.

    Raises `ServiceError(INVALID_SDP)` unless all of it is in bounds.
    """

    sections: tuple[MediaSection, ...]
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[tuple[str, str], ...]  # ("sha-256", "AB:CD:..."): SHA-2, in capitals; at least one
    setup: Setup
    extmap_allow_mixed: bool  # RFC 8285 6
    # FFmpeg (8.1 and 9.0.2 seen) waits for ever once it has got a close_notify. Without one it ends when its
    # checks are not answered for some time, and whoever runs it can begin anew.
    hangs_at_goodbye: bool = False

    def __post_init__(self) -> None:
        _check_layout(self.sections)
        check_transport(self.ice_ufrag, self.ice_pwd, self.fingerprints)
        if not self.extmap_allow_mixed and any(
            number > _HIGHEST_ONE_BYTE_ID
            for section in self.sections
            for number in section.extensions.values()
        ):
            raise invalid_sdp("a header extension that needs the two-byte form")

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
    sections = [_identity(section) for section in described]
    _check_layout(sections)  # before the contents of sections that would be refused
    live = [section for section in described if section.live]
    if not all(section.has("rtcp-mux") for section in live):
        raise invalid_sdp("a section without rtcp-mux")
    transport = shared_transport(live)
    allow_mixed = all(section.has("extmap-allow-mixed") for section in live)
    return Offer(
        sections=tuple(
            identity if identity.rejected else _contents(identity, section, allow_mixed)
            for identity, section in zip(sections, described, strict=True)
        ),
        ice_ufrag=transport.ice_ufrag,
        ice_pwd=transport.ice_pwd,
        fingerprints=transport.fingerprints,
        setup=transport.setup,
        extmap_allow_mixed=allow_mixed,
        hangs_at_goodbye=description.name == _FFMPEG,
    )


def _check_layout(sections: Sequence[MediaSection]) -> None:
    """Raise unless the offer has one transport, and one track of a kind."""
    if len(sections) > MAX_SECTIONS:
        raise invalid_sdp("too many media sections")
    mids = [section.mid for section in sections if section.mid]
    if len(set(mids)) < len(mids):
        raise invalid_sdp("two sections have the same mid")
    live = [section for section in sections if not section.rejected]
    kinds = [section.kind for section in live]
    if not live or not {"audio", "video"}.issuperset(kinds):
        raise invalid_sdp("no audio or video section")
    for kind in ("audio", "video"):
        if kinds.count(kind) > 1:
            raise invalid_sdp(f"more than one {kind} section")
    if len(live) > 1 and not all(section.bundled for section in live):
        raise invalid_sdp("the sections are not all in one BUNDLE group")


def _identity(section: DescribedSection) -> MediaSection:
    media = section.media
    return MediaSection(
        mid=section.mid,
        kind=media.kind,
        protocol=media.protocol,
        first_format=media.formats[0],
        bundled=section.bundled,
        rejected=not section.live,
    )


def _contents(identity: MediaSection, section: DescribedSection, allow_mixed: bool) -> MediaSection:
    media = section.media
    extensions, one_way = _extensions(media.attributes.all("extmap"), allow_mixed)
    return replace(
        identity,
        direction=_direction(section),
        codecs=parse_codecs(media),
        extensions=extensions,
        one_way=one_way,
        sources=read_sources(media.attributes),
        rtcp_rsize=section.has("rtcp-rsize"),
        asks_round_trip="rcvr-rtt=all" in (media.attributes.first("rtcp-xr") or "").split(),
    )


def _direction(section: DescribedSection) -> Direction:
    for level in section.levels[:2]:
        said = [direction for direction in Direction if direction in level]
        if len(said) > 1:
            raise invalid_sdp("more than one direction")
        if said:
            return said[0]
    return Direction.SENDRECV


def _extensions(values: Sequence[str], allow_mixed: bool) -> tuple[dict[str, int], dict[str, Direction]]:
    """The header extensions. The first one for a URI or id counts; inactive ones are ignored (RFC 8285 7)."""
    highest = max(_IDS) if allow_mixed else _HIGHEST_ONE_BYTE_ID
    extensions: dict[str, int] = {}
    one_way: dict[str, Direction] = {}
    taken = set()
    for value in values:
        match = _EXTMAP.fullmatch(value)
        if not match:
            continue
        number, direction, uri = int(match[1]), match[2], match[3]
        if number in _IDS and number <= highest and number not in taken and uri not in extensions:
            extensions[uri] = number
            taken.add(number)
            if direction in _ONE_WAY:
                one_way[uri] = Direction(direction)
    return extensions, one_way
