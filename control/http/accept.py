"""What a client says that it takes (RFC 9110 12.5.1)."""

import re

from starlette.requests import Request

_NEVER = re.compile(r"q\s*=\s*0(\.0{0,3})?")
_ANY = frozenset({"*/*", "application/*"})


def names_sdp(request: Request) -> bool:
    """Whether it names SDP itself."""
    return "application/sdp" in _accepted(request)


def takes_sdp(request: Request) -> bool:
    """Whether SDP is among what it takes; who says nothing takes anything."""
    accepted = _accepted(request)
    return not accepted or "application/sdp" in accepted or not _ANY.isdisjoint(accepted)


def _accepted(request: Request) -> set[str]:
    parts = (part.split(";") for part in ",".join(request.headers.getlist("accept")).lower().split(","))
    return {
        kind.strip()
        for kind, *parameters in parts
        if kind.strip() and not any(_NEVER.fullmatch(each.strip()) for each in parameters)
    }
