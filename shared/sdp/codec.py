"""The codecs in one media section of an offer: rtpmap, fmtp, rtcp-fb and the RTX that belongs to each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from shared.errors import invalid_sdp
from shared.sdp.lines import MAX_LINE, WORD, MediaDescription

MAX_CODECS = 64  # in one section; Chromium offers 15
REMEMBERED = 64  # sections, of 64 KB at most
MAX_PARAMETERS = 32  # of one codec; real ones have up to 5

_CANONICAL = {
    name.lower(): name
    for name in ("VP8", "VP9", "H264", "H265", "AV1", "opus", "multiopus", "PCMU", "PCMA", "G722")
}
_STATIC = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}  # RFC 3551 6: need no rtpmap
# Formats that repair or accompany the stream of another codec, and cannot be a track; in lower case.
_COMPANIONS = frozenset({"rtx", "red", "ulpfec", "flexfec", "flexfec-03", "cn", "telephone-event"})
# Without those that would be taken for RTCP, which shares the port (RFC 5761 4).
_PAYLOAD_TYPES = frozenset(range(128)) - frozenset(range(64, 96))
_FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"})

_PAYLOAD_TYPE = re.compile(r"[0-9]{1,3}")
_NAME = re.compile(WORD)
_RTPMAP = re.compile(rf"({WORD})/([0-9]{{1,9}})(?:/([0-9]{{1,3}}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One payload type of an offer. Raises `ServiceError(INVALID_SDP)` unless all of it is in bounds."""

    payload_type: int
    name: str  # spelled as in its RFC: those of `_CANONICAL`; others as offered
    clock_rate: int  # Hz, as RTP timestamps count
    channels: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)  # of fmtp, keys in lower case
    feedback: frozenset[str] = frozenset()  # the known ones of rtcp-fb, for example "nack pli"
    rtx: int | None = None  # payload type of its retransmissions (RFC 4588 8.6)
    red: int | None = None  # payload type of its packets with earlier ones in them (RFC 2198)

    def __post_init__(self) -> None:
        if not {self.payload_type, self.rtx, self.red} - {None} <= _PAYLOAD_TYPES:
            raise invalid_sdp("a codec without a payload type of RTP")
        if not (_NAME.fullmatch(self.name) and 0 <= self.clock_rate < 10**9 and 0 <= self.channels < 1000):
            raise invalid_sdp("a malformed codec")
        text = self.fmtp
        if len(self.parameters) > MAX_PARAMETERS or len(text) > MAX_LINE:
            raise invalid_sdp("too many parameters of one codec")
        if not (text.isascii() and text.isprintable() and self.feedback <= _FEEDBACK):
            raise invalid_sdp("a malformed parameter of a codec")

    @property
    def fmtp(self) -> str:
        """The parameters as in an `a=fmtp` line; "" without any."""
        return fmtp_of(self.parameters)


def fmtp_of(parameters: Mapping[str, str]) -> str:
    return ";".join(f"{key}={value}" if value else key for key, value in parameters.items())


def parse_codecs(media: MediaDescription) -> tuple[Codec, ...]:
    """The codecs of an audio or video section, most preferred first; unknown formats are left out."""
    lines = (tuple(media.attributes.all(name)) for name in ("rtpmap", "fmtp", "rtcp-fb"))
    return _codecs(media.formats, *lines)


# Browsers of one version send the same lines, and reading them is most of what an offer costs.
@lru_cache(REMEMBERED)
def _codecs(
    formats: tuple[str, ...], maps: tuple[str, ...], formatted: tuple[str, ...], backward: tuple[str, ...]
) -> tuple[Codec, ...]:
    """The codecs in the formats of a section and its lines of rtpmap, fmtp and rtcp-fb."""
    payload_types = [_payload_type(text) for text in formats]
    rtpmaps = _STATIC | _by_payload_type(maps)
    fmtps = _by_payload_type(formatted)
    feedback, feedback_of_all = _feedback(backward)
    codecs: dict[int, re.Match[str]] = {}
    rtx: dict[str, int] = {}
    red: dict[tuple[str, str, str | None], int] = {}  # by payload type, clock rate and channels
    for payload_type in dict.fromkeys(payload_types):
        match = _RTPMAP.fullmatch(rtpmaps.get(payload_type, ""))
        if not match or payload_type not in _PAYLOAD_TYPES:
            continue
        name = match[1].lower()
        if name == "red":
            red.setdefault((_repeated(fmtps.get(payload_type, "")), match[2], match[3]), payload_type)
        elif name == "rtx":
            rtx.setdefault(_parameters(fmtps.get(payload_type, "")).get("apt", ""), payload_type)
        elif name not in _COMPANIONS:
            codecs[payload_type] = match
    if len(codecs) > MAX_CODECS:
        raise invalid_sdp(f"more than {MAX_CODECS} codecs in one section")
    return tuple(
        Codec(
            payload_type=payload_type,
            name=_CANONICAL.get(match[1].lower(), match[1]),
            clock_rate=int(match[2]),
            channels=int(match[3] or 1),
            parameters=_parameters(fmtps.get(payload_type, "")),
            feedback=feedback.get(payload_type, frozenset()) | feedback_of_all,
            rtx=rtx.get(str(payload_type)),
            red=red.get((str(payload_type), match[2], match[3])),
        )
        for payload_type, match in codecs.items()
    )


def _payload_type(text: str) -> int:
    if not _PAYLOAD_TYPE.fullmatch(text) or int(text) > 127:
        raise invalid_sdp("a format is no payload type")
    return int(text)


def _repeated(fmtp: str) -> str:
    """The one payload type that all blocks of RED may have (RFC 2198 5); "" if there are others."""
    first, *others = fmtp.split("/")
    return first if others and set(others) == {first} else ""


def _by_payload_type(values: Sequence[str]) -> dict[int, str]:
    """The first line for each payload type."""
    first: dict[int, str] = {}
    for value in values:
        number, _space, rest = value.partition(" ")
        if _PAYLOAD_TYPE.fullmatch(number):
            first.setdefault(int(number), rest.strip(" "))
    return first


def _feedback(values: Sequence[str]) -> tuple[dict[int, frozenset[str]], frozenset[str]]:
    """The feedback of each payload type, and the feedback of all (RFC 4585 4.2)."""
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
    items = fmtp.split(";", MAX_PARAMETERS)
    if len(items) > MAX_PARAMETERS and items[-1].strip(" "):
        raise invalid_sdp(f"more than {MAX_PARAMETERS} parameters of one codec")
    parameters: dict[str, str] = {}
    for item in items[:MAX_PARAMETERS]:
        key, _equals, value = item.partition("=")
        if key.strip(" "):
            parameters.setdefault(key.strip(" ").lower(), value.strip(" "))
    return parameters
