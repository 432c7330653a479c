"""The media sections of an offer: which of them are served, and which of them are bundled (RFC 9143)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import invalid_sdp
from shared.sdp.lines import TOKEN_CHARACTER, Attributes, MediaDescription, SessionDescription

# JSEP (RFC 9429 5.1.2) requires each of these to be accepted for RTP over DTLS-SRTP.
_PROTOCOL = re.compile(r"(?:UDP/TLS/|TCP/DTLS/|TCP/TLS/)?RTP/S?AVPF?")
MID = re.compile(rf"{TOKEN_CHARACTER}{{1,64}}")


@dataclass(frozen=True, slots=True)
class DescribedSection:
    """One media section, and where its attributes may stand."""

    media: MediaDescription
    mid: str
    bundled: bool
    live: bool
    # In the section, then for the whole session. A bundle-only section may leave out what belongs to the
    # transport: then that stands in the section that the bundle names first (RFC 9143 7.1).
    levels: tuple[Attributes, ...]

    def first(self, name: str) -> str:
        return next((level.first(name) or "" for level in self.levels if name in level), "")

    def all(self, name: str) -> Sequence[str]:
        return next((level.all(name) for level in self.levels if name in level), ())

    def has(self, name: str) -> bool:
        return any(name in level for level in self.levels)


def describe_sections(description: SessionDescription) -> list[DescribedSection]:
    """All sections, in their order. Raises `ServiceError(INVALID_SDP)` for a malformed mid."""
    group = _bundle(description.attributes)
    mids = [_mid(media) for media in description.media]
    by_mid = dict(zip(mids, description.media, strict=True))
    tagged = tuple(by_mid[mid].attributes for mid in group[:1] if mid in by_mid)
    bundle = frozenset(group)
    described = []
    for mid, media in zip(mids, description.media, strict=True):
        bundled = mid in bundle
        bundle_only = bundled and "bundle-only" in media.attributes
        refused = media.port == 0 and not bundle_only  # RFC 9143 6
        served = media.kind in ("audio", "video") and _PROTOCOL.fullmatch(media.protocol) is not None
        levels = (media.attributes, description.attributes, *(tagged if bundle_only else ()))
        described.append(DescribedSection(media, mid, bundled, served and not refused, levels))
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
    if not MID.fullmatch(mid):
        raise invalid_sdp("a mid is no token of at most 64 characters")
    return mid
