"""The codecs in one media section of an offer: rtpmap, fmtp, rtcp-fb and the RTX that belongs to each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.errors import invalid_sdp
from shared.sdp.lines import TOKEN_CHARACTER, MediaDescription

_CANONICAL = {
    name.lower(): name for name in ("VP8", "VP9", "H264", "H265", "AV1", "opus", "PCMU", "PCMA", "G722")
}
_STATIC = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}  # RFC 3551 6: need no rtpmap
# Formats that repair or accompany the stream of another codec, and cannot be a track.
_COMPANIONS = frozenset(
    {"rtx", "red", "ulpfec", "flexfec", "flexfec-03", "cn", "telephone-event"}
)  # in lower case
_RTCP_RANGE = range(64, 96)  # would be taken for RTCP, which shares the port (RFC 5761 4)
_FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"})

_PAYLOAD_TYPE = re.compile(r"[0-9]{1,3}")
_RTPMAP = re.compile(rf"({TOKEN_CHARACTER}{{1,32}})/([0-9]{{1,9}})(?:/([0-9]{{1,3}}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One payload type of an offer."""

    payload_type: int
    name: str  # spelled as in its RFC: VP8 VP9 H264 H265 AV1 opus PCMU PCMA G722; others as offered
    clock_rate: int  # Hz, as RTP timestamps count
    channels: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)  # of fmtp, keys in lower case
    fmtp: str = ""  # the text from which `parameters` were read
    feedback: frozenset[str] = frozenset()  # the known ones of rtcp-fb, for example "nack pli"
    rtx: int | None = None  # payload type of its retransmissions (RFC 4588 8.6)


def parse_codecs(media: MediaDescription) -> tuple[Codec, ...]:
    """The codecs of an audio or video section, most preferred first; unknown formats are left out."""
    payload_types = [_payload_type(text) for text in media.formats]
    rtpmaps = _STATIC | _by_payload_type(media.attributes.all("rtpmap"))
    fmtps = _by_payload_type(media.attributes.all("fmtp"))
    feedback, feedback_of_all = _feedback(media.attributes.all("rtcp-fb"))
    codecs = []
    rtx: dict[str, int] = {}
    for payload_type in dict.fromkeys(payload_types):
        match = _RTPMAP.fullmatch(rtpmaps.get(payload_type, ""))
        if not match or payload_type in _RTCP_RANGE:
            continue
        fmtp = fmtps.get(payload_type, "")
        codec = Codec(
            payload_type=payload_type,
            name=_CANONICAL.get(match[1].lower(), match[1]),
            clock_rate=int(match[2]),
            channels=int(match[3] or 1),
            parameters=_parameters(fmtp),
            fmtp=fmtp,
            feedback=feedback.get(payload_type, frozenset()) | feedback_of_all,
        )
        if codec.name.lower() == "rtx":
            rtx.setdefault(codec.parameters.get("apt", ""), payload_type)
        elif codec.name.lower() not in _COMPANIONS:
            codecs.append(codec)
    return tuple(replace(codec, rtx=rtx.get(str(codec.payload_type))) for codec in codecs)


def _payload_type(text: str) -> int:
    if not _PAYLOAD_TYPE.fullmatch(text) or int(text) > 127:
        raise invalid_sdp("a format is no payload type")
    return int(text)


def _by_payload_type(values: Sequence[str]) -> dict[int, str]:
    """The first line for each payload type."""
    first: dict[int, str] = {}
    for value in values:
        number, _space, rest = value.partition(" ")
        if _PAYLOAD_TYPE.fullmatch(number):
            first.setdefault(int(number), rest.strip(" "))
    return first


def _feedback(values: Sequence[str]) -> tuple[dict[int, frozenset[str]], frozenset[str]]:
    """RFC 4585 4.2: the feedback of each payload type, and the feedback of all."""
    single: dict[int, frozenset[str]] = {}
    wildcard: frozenset[str] = frozenset()
    for value in values:
        number, _space, kind = value.partition(" ")
        feedback = _FEEDBACK & {" ".join(kind.split())}
        if number == "*":
            wildcard |= feedback
        elif _PAYLOAD_TYPE.fullmatch(number):
            single[int(number)] = single.get(int(number), frozenset()) | feedback
    return single, wildcard


def _parameters(fmtp: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for item in fmtp.split(";"):
        key, _equals, value = item.partition("=")
        if key.strip(" "):
            parameters.setdefault(key.strip(" ").lower(), value.strip(" "))
    return parameters
