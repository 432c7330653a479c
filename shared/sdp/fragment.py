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

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_LINE = re.compile(r"[a-z]=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    ice_ufrag: str | None
    ice_pwd: str | None
    candidates: tuple[str, ...]  # the text after `a=candidate:`, not parsed
    end_of_candidates: bool


def parse_fragment(text: str) -> Fragment:
    """Read a fragment; the first credentials count, in whichever section they are."""
    if len(text) > MAX_TEXT:
        raise _invalid("larger than 64 KiB")
    text = text.replace("\r\n", "\n")
    if _CONTROL.search(text):
        raise _invalid("holds control characters")
    lines = text.split("\n")
    if not any(_LINE.match(line) for line in lines):
        raise _invalid("not a line of SDP")
    credentials: dict[str, str] = {}
    candidates = []
    for line in lines:
        name, _colon, value = line.partition(":")
        if name in ("a=ice-ufrag", "a=ice-pwd"):
            credentials.setdefault(name, value.strip())
        elif name == "a=candidate":
            candidates.append(value.strip())
    ufrag, pwd = credentials.get("a=ice-ufrag"), credentials.get("a=ice-pwd")
    if ufrag is not None and not ICE_UFRAG.fullmatch(ufrag):
        raise _invalid("malformed ice-ufrag")
    if pwd is not None and not ICE_PWD.fullmatch(pwd):
        raise _invalid("malformed ice-pwd")
    return Fragment(
        ice_ufrag=ufrag,
        ice_pwd=pwd,
        candidates=tuple(candidates),
        end_of_candidates="a=end-of-candidates" in lines,
    )


def _invalid(detail: str) -> ServiceError:
    return ServiceError(ErrorCode.INVALID_FRAGMENT, detail=detail)


def build_fragment(
    ice_ufrag: str, ice_pwd: str, candidates: Sequence[tuple[str, int]], *, kind: str, mid: str
) -> str:
    """The answer to an ICE restart (RFC 9725 4.3.2); `kind` and `mid` are those of the first section."""
    lines = [
        "a=ice-lite",
        f"a=ice-ufrag:{ice_ufrag}",
        f"a=ice-pwd:{ice_pwd}",
        f"m={kind} 9 UDP/TLS/RTP/SAVPF 0",
        *([f"a=mid:{mid}"] if mid else []),
        *host_candidates(candidates),
    ]
    return "".join(f"{line}\r\n" for line in lines)
