"""Where a request comes from: its client's address, behind any proxies that we trust."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from starlette.datastructures import Headers
from starlette.requests import Request

from shared.names import RequestId, new_request_id, parse_request_id

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+){1,16}/?")
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([0-9.]+):\d+")


@dataclass(frozen=True, slots=True)
class Origin:
    client: str  # address; "unknown" when there is none
    prefix: str  # path that a trusted proxy took off the front: "" or "/live"
    request_id: RequestId


def origin_of(request: Request) -> Origin:
    """The origin that the outer middleware found for this request."""
    return cast(Origin, request.state.origin)


class TrustedProxies:
    """Believes `X-Forwarded-For`, `X-Forwarded-Prefix` and `X-Request-Id` from the given networks only."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]

    def origin(self, peer: str | None, headers: Headers) -> Origin:
        address = _parse(peer or "")
        if address is None or not self._trusts(address):
            return Origin(str(address or "unknown"), "", new_request_id())
        prefix = headers.get("x-forwarded-prefix", "")
        return Origin(
            client=str(self._client(address, headers)),
            prefix=prefix.rstrip("/") if _PREFIX.fullmatch(prefix) else "",
            request_id=parse_request_id(headers.get("x-request-id", "")) or new_request_id(),
        )

    def _client(self, peer: _Address, headers: Headers) -> _Address:
        """The rightmost address that no trusted proxy has: what stands left of it, anybody can write."""
        client = peer
        for entry in reversed(",".join(headers.getlist("x-forwarded-for")).split(",")):
            address = _parse(entry.strip())
            if address is None:
                break
            client = address
            if not self._trusts(address):
                break
        return client

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)


def _parse(text: str) -> _Address | None:
    if match := _WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # a dual-stack socket shows IPv4 peers as ::ffff:192.0.2.1
    return getattr(address, "ipv4_mapped", None) or address
