"""Fragments of SDP with ICE candidates or new credentials: `application/trickle-ice-sdpfrag` (RFC 8840 9).

Real clients send odd fragments (kinds that do not match their mid, no media line at all): known lines are
used, others are ignored. Only text that is no fragment at all raises `ServiceError(INVALID_FRAGMENT)`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import ErrorCode, ServiceError
from shared.sdp.lines import ICE_PWD, ICE_UFRAG, host_candidates

MAX_TEXT = 64 << 10  # characters
MAX_LINES = 512  # a client sends a line for each of its candidates

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_LINE = re.compile(r"[a-z]=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """The new credentials in a fragment; candidates are not kept, since an ICE-lite agent needs none.

    Raises `ServiceError(INVALID_FRAGMENT)` for malformed ones.
    """

    ice_ufrag: str | None = None
    ice_pwd: str | None = None

    def __post_init__(self) -> None:
        if self.ice_ufrag is not None and not ICE_UFRAG.fullmatch(self.ice_ufrag):
            raise _invalid("malformed ice-ufrag")
        if self.ice_pwd is not None and not ICE_PWD.fullmatch(self.ice_pwd):
            raise _invalid("malformed ice-pwd")


def parse_fragment(text: str) -> Fragment:
    """Read a fragment; the first credentials count, in whichever section they are."""
    if len(text) > MAX_TEXT:
        raise _invalid(f"longer than {MAX_TEXT} characters")
    if text.count("\n") > MAX_LINES:
        raise _invalid(f"more than {MAX_LINES} lines")
    text = text.replace("\r\n", "\n")
    if _CONTROL.search(text):
        raise _invalid("holds control characters")
    lines = text.split("\n")
    if not any(_LINE.match(line) for line in lines):
        raise _invalid("not a line of SDP")
    credentials: dict[str, str] = {}
    for line in lines:
        name, _colon, value = line.partition(":")
        if name in ("a=ice-ufrag", "a=ice-pwd"):
            credentials.setdefault(name, value.strip())
    return Fragment(ice_ufrag=credentials.get("a=ice-ufrag"), ice_pwd=credentials.get("a=ice-pwd"))


def _invalid(detail: str) -> ServiceError:
    return ServiceError(ErrorCode.INVALID_FRAGMENT, detail=detail)


def build_fragment(
    ice_ufrag: str,
    ice_pwd: str,
    candidates: Sequence[tuple[str, int]],
    tcp_port: int | None = None,
    *,
    kind: str,
    mid: str,
) -> str:
    """The answer to an ICE restart (RFC 9725 4.3.3); `kind` and `mid` are those of the first section."""
    lines = [
        "a=ice-lite",
        f"a=ice-ufrag:{ice_ufrag}",
        f"a=ice-pwd:{ice_pwd}",
        f"m={kind} 9 UDP/TLS/RTP/SAVPF 0",
        *([f"a=mid:{mid}"] if mid else []),
        *host_candidates(candidates, tcp_port),
    ]
    return "".join(f"{line}\r\n" for line in lines)
