"""Checks as a full ICE agent sends them, made by aioice."""

from typing import Any

from aioice import stun as other

from media.transport.ice import Credentials
from media.transport.stun import BindingRequest, parse_binding_request

OLD = Credentials("oldufrag", "o" * 24)
NEW = Credentials("newufrag", "n" * 24)
PEER = Credentials("peer", "p" * 24)
PEER2 = Credentials("peer2", "q" * 24)
HOME = ("192.0.2.1", 1000)
AWAY = ("192.0.2.2", 2000)
THIRD = ("192.0.2.3", 3000)


def check(
    credentials: Credentials = OLD, *, remote: str = "peer", password: str | None = None, **attributes: Any
) -> BindingRequest:
    named = {"USERNAME": f"{credentials.ufrag}:{remote}"}
    named |= {k.replace("_", "-"): v for k, v in attributes.items()}
    message = other.Message(other.Method.BINDING, other.Class.REQUEST, attributes=named)
    message.add_message_integrity((password or credentials.password).encode())
    return parse_binding_request(bytes(message))


def nominating(credentials: Credentials = OLD, **more: Any) -> BindingRequest:
    return check(credentials, USE_CANDIDATE=None, ICE_CONTROLLING=1, PRIORITY=1, **more)
