"""Who sent a request: the client's address, also behind trusted proxies, and what its credential opens."""

import ipaddress
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from starlette.datastructures import Headers
from starlette.requests import Request

from control.access.auth import Access, Authenticator, credential
from control.access.auth_callback import Question
from control.access.operators import Operator
from shared.http.connections import REMEMBERED, client_of
from shared.messages.signalling import Role
from shared.names import RequestId, RoomName, new_request_id, parse_request_id

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+){1,16}/?")
_MAX_BEHIND = 45  # characters; as long as an address can be
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([0-9.]+):\d+")


@dataclass(frozen=True, slots=True)
class Caller:
    address: str  # "unknown" when there is none
    prefix: str  # the path that a trusted proxy removed from the front: "" or "/live"
    request_id: RequestId
    behind: str = ""  # whom it says to have passed on, if it is no proxy that we trust

    @property
    def network(self) -> str:
        """What counts as one client for limits."""
        return client_of(self.address)

    @property
    def guessed_network(self) -> str:
        """What probably is one client, for what is counted: limits must not be lifted by what anybody writes.

        Nobody outside has a private address: there, it is a proxy that `TRUSTED_PROXIES` lacks.
        """
        if not self.behind or not _is_private(self.address):
            return self.network
        return f"{self.network} {self.behind}"


def caller_of(request: Request) -> Caller:
    """The caller of this request, as the middleware `RequestLog` determined it."""
    return cast(Caller, request.state.caller)


def access_of(request: Request, authenticator: Authenticator) -> Access:
    """What the credential of this request opens."""
    return authenticator.access(credential(request.headers), time.time())


def operator_of(
    request: Request, authenticator: Authenticator, least: Operator, room: str | None = None
) -> Access:
    """The same; raises unless the caller may do `least` with `room`, or with the whole cluster."""
    access = access_of(request, authenticator)
    access.check_operator(least, room)
    return access


def question_of(request: Request, room: RoomName, action: Role) -> Question:
    """What `AUTH_URL` is asked about this request."""
    return Question(
        action=action,
        room=room,
        token=credential(request.headers),
        address=caller_of(request).address,
        query=request.url.query,
        user_agent=request.headers.get("user-agent", ""),
    )


class TrustedProxies:
    """Trusts `X-Forwarded-For`, `X-Forwarded-Prefix` and `X-Request-Id` from these networks only."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]

    def trusts(self, peer: str) -> bool:
        """Whether a connection from the address `peer` is a proxy's."""
        address = _parse_peer(peer)
        return address is not None and self._trusts(address)

    def caller(self, peer: str | None, headers: Headers) -> Caller:
        """The caller behind a connection from the address `peer`."""
        address = _parse_peer(peer or "")
        if address is None or not self._trusts(address):
            behind = headers.get("x-forwarded-for", "")[-_MAX_BEHIND:]
            return Caller(str(address or "unknown"), "", new_request_id(), behind)
        prefix = headers.get("x-forwarded-prefix", "")
        return Caller(
            address=str(self._client(address, headers)),
            prefix=prefix.rstrip("/") if _PREFIX.fullmatch(prefix) else "",
            request_id=parse_request_id(headers.get("x-request-id", "")) or new_request_id(),
        )

    def _client(self, peer: _Address, headers: Headers) -> _Address:
        """The rightmost address that is no trusted proxy's: any client can write what stands left of it."""
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
    if isinstance(address, ipaddress.IPv4Address):
        return address
    # A dual-stack socket shows IPv4 peers as ::ffff:192.0.2.1. A scope, behind a %, may be of any length, and
    # a client can write it.
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))


def _is_private(text: str) -> bool:
    address = _parse(text)
    return address is not None and address.is_private


_parse_peer = lru_cache(REMEMBERED)(_parse)  # of a connection: short, and often the same
