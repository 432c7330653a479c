"""The grammar of SDP (RFC 8866): splits text into the session part and media sections, for `offer.py`.

Text that is not SDP, or larger than any offer, raises `ServiceError(INVALID_SDP)` and nothing else.
The limits of size and lines are checked before any other work; attributes that nothing reads are not kept.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shared.errors import invalid_sdp

# In brackets: the most in the offers of real clients, tests/fixtures/offers.
MAX_TEXT = 64 << 10  # characters of an offer (7,000)
MAX_LINES = 1024  # of an offer (224)
MAX_LINE = 2048  # characters of a line (213; parameter sets make it longer)
MAX_SECTIONS = 16  # (2)
MAX_SECTION_LINES = 768  # `a=` lines of one section, or of the session (168)
MAX_FORMATS = 128  # on one `m=` line (34): as many as there are payload types
MAX_ATTRIBUTES = {  # lines of each name in one section, or in the session
    "rtpmap": 128,  # (34)
    "fmtp": 128,  # (31)
    "rtcp-fb": 384,  # (77)
    "extmap": 64,  # (11)
    "ssrc": 128,  # (4; several times that with layers)
    "ssrc-group": 16,  # (1)
    "rid": 16,  # (none; one for each layer)
    "fingerprint": 16,  # (3)
    # Once is enough, but some clients repeat them.
    **dict.fromkeys(("group", "mid", "ice-lite", "ice-ufrag", "ice-pwd", "setup", "bundle-only"), 8),
    **dict.fromkeys(("sendrecv", "sendonly", "recvonly", "inactive", "simulcast"), 8),
    **dict.fromkeys(("rtcp-mux", "rtcp-rsize", "rtcp-xr", "extmap-allow-mixed"), 8),
}

TOKEN_CHARACTER = r"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]"  # noqa: S105  # RFC 8866 9
ICE_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839 5.4
ICE_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
WORD = rf"{TOKEN_CHARACTER}{{1,32}}"  # a kind, a format, the name of a codec
PROTOCOL = rf"{WORD}(?:/{WORD}){{0,7}}"
_MEDIA = re.compile(rf"m=({WORD}) ([0-9]{{1,5}})(?:/[0-9]{{1,5}})? ({PROTOCOL})((?: {WORD})+) *")


class Attributes:
    """The `a=` lines of one section that are read, by name, with the values of each name in their order."""

    __slots__ = ("_count", "_values")

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}
        self._count = 0

    def add(self, line: str) -> None:
        self._count += 1
        if self._count > MAX_SECTION_LINES:
            raise invalid_sdp("too many lines in one section")
        name, _colon, value = line.partition(":")
        most = MAX_ATTRIBUTES.get(name, 0)
        if not most:
            return
        values = self._values.setdefault(name, [])
        if len(values) == most:
            raise invalid_sdp(f"more than {most} a={name} lines in one section")
        values.append(value.strip(" "))

    def all(self, name: str) -> Sequence[str]:
        return self._values.get(name, ())

    def first(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[0] if values else None

    def __contains__(self, name: str) -> bool:
        return name in self._values


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One `m=` line and the attributes below it; all its words are tokens, and safe to send back."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: Attributes = field(default_factory=Attributes)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    name: str  # of the session (RFC 8866 5.3): some clients name themselves there
    attributes: Attributes
    media: tuple[MediaDescription, ...]


def parse_sdp(text: str) -> SessionDescription:
    """Read the lines; the values of attributes are printable ASCII, and not checked further."""
    name, session = "", Attributes()
    media: list[MediaDescription] = []
    current = session
    for number, line in enumerate(_lines(text), 1):
        if number == 1 and line != "v=0":
            raise invalid_sdp("does not begin with v=0")
        if len(line) > MAX_LINE or not ("a" <= line[0] <= "z" and line[1:2] == "="):
            raise invalid_sdp(f"line {number} is not SDP")
        if line[0] == "s":
            name = line[2:]
        if line[0] not in "am":  # other lines are not used
            continue
        if not line.isascii():
            raise invalid_sdp(f"line {number} is not ASCII")
        if line[0] == "m":
            media.append(_media(line, number))
            if len(media) > MAX_SECTIONS:
                raise invalid_sdp("too many media sections")
            current = media[-1].attributes
        else:
            current.add(line[2:])
    return SessionDescription(name, session, tuple(media))


def _lines(text: str) -> Iterator[str]:
    if len(text) > MAX_TEXT:
        raise invalid_sdp(f"longer than {MAX_TEXT} characters")
    if text.count("\n") > MAX_LINES:
        raise invalid_sdp(f"more than {MAX_LINES} lines")
    text = text.replace("\r\n", "\n")
    if _CONTROL.search(text):
        raise invalid_sdp("holds control characters")
    if not text.strip("\n"):
        raise invalid_sdp("empty")
    return (line for line in text.split("\n") if line)


def _media(line: str, number: int) -> MediaDescription:
    match = _MEDIA.fullmatch(line)
    if not match or int(match[2]) > 65535:
        raise invalid_sdp(f"line {number} is no media description")
    formats = tuple(dict.fromkeys(match[4].split()))
    if len(formats) > MAX_FORMATS:
        raise invalid_sdp(f"more than {MAX_FORMATS} formats in one section")
    return MediaDescription(match[1], int(match[2]), match[3], formats)


def host_candidates(addresses: Sequence[tuple[str, int]], tcp_port: int | None = None) -> list[str]:
    """Host candidates (RFC 8839 5.1) as `a=` lines, most preferred first, and the end of candidates.

    Those of UDP, and behind them one for TCP at each IP, if there is a `tcp_port`: some clients try only the
    first one. RFC 6544 4.2: all of TCP are below those of UDP, and passive is half of its preference.
    """
    lines = []
    for index, (ip, port) in enumerate(addresses):
        priority = (126 << 24) + ((65535 - index) << 8) + 255  # RFC 8445 5.1.2.1
        lines.append(f"a=candidate:{index + 1} 1 udp {priority} {ip} {port} typ host")
    ips = dict.fromkeys(ip for ip, _ in addresses)
    for index, ip in enumerate(ips if tcp_port is not None else ()):
        priority = (90 << 24) + ((4 << 13) + 8191 - index << 8) + 255
        foundation = len(addresses) + index + 1
        lines.append(f"a=candidate:{foundation} 1 tcp {priority} {ip} {tcp_port} typ host tcptype passive")
    return [*lines, "a=end-of-candidates"]
