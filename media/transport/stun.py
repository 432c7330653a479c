"""STUN: binding requests and responses of ICE, and questions to a server (RFC 8489, RFC 8445)."""

import hmac
import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address
from zlib import crc32

MAX_BYTES = 1500  # a message fits a datagram that is not fragmented (RFC 8489 6.1)

_COOKIE = 0x2112A442
_HEADER = struct.Struct("!HHI12s")
_TYPE_LENGTH = struct.Struct("!HH")

_BINDING_REQUEST = 0x0001
_BINDING_SUCCESS = 0x0101
BINDING_SUCCESS = _BINDING_SUCCESS.to_bytes(2)  # how a success response begins
_BINDING_ERROR = 0x0111

_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_ERROR_CODE = 0x0009
_UNKNOWN_ATTRIBUTES = 0x000A
_XOR_MAPPED_ADDRESS = 0x0020
_PRIORITY = 0x0024
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028
_ICE_CONTROLLED = 0x8029

# The comprehension-required attributes that a server knows: those above and the rest of RFC 8489 18.3.
_KNOWN = {
    *(0x0001, _USERNAME, _MESSAGE_INTEGRITY, _ERROR_CODE, _UNKNOWN_ATTRIBUTES, 0x0014, 0x0015),
    *(0x001C, 0x001D, 0x001E, _XOR_MAPPED_ADDRESS, _PRIORITY, _USE_CANDIDATE),
}
_COMPREHENSION_OPTIONAL = 0x8000  # RFC 8489 14: types from here on may be ignored

_IP_BYTES = {b"\1": 4, b"\2": 16}  # by family (RFC 8489 14.1)
_INTEGRITY_BYTES = 24  # the whole attribute
_FINGERPRINT_BYTES = 8
_FINGERPRINT_XOR = 0x5354554E
_PRIORITY_HERE = 110 << 24 | 65535 << 8 | 255  # of a peer-reflexive candidate (RFC 8445 5.1.2, 7.1.1)


class StunError(ValueError):
    """The datagram is not a binding request that could be routed to a session, or not a response to one."""


class StunCode(IntEnum):
    BAD_REQUEST = 400
    UNAUTHENTICATED = 401
    UNKNOWN_ATTRIBUTE = 420
    ROLE_CONFLICT = 487


_REASONS = {
    StunCode.BAD_REQUEST: b"Bad Request",
    StunCode.UNAUTHENTICATED: b"Unauthenticated",
    StunCode.UNKNOWN_ATTRIBUTE: b"Unknown Attribute",
    StunCode.ROLE_CONFLICT: b"Role Conflict",
}


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """A connectivity check (RFC 8445 7.1). Trust nothing in it before `is_authentic` says so."""

    data: bytes
    transaction_id: bytes
    local_ufrag: str  # the receiver's: the part of USERNAME before the colon
    remote_ufrag: str  # the sender's
    use_candidate: bool
    is_controlled: bool  # the sender takes itself for the controlled agent
    unknown: tuple[int, ...]  # comprehension-required attributes that we do not know
    integrity_at: int | None  # offset of MESSAGE-INTEGRITY in `data`

    def is_authentic(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY is present and was made with `password` (RFC 8489 14.5)."""
        return _is_signed(self.data, self.integrity_at, password)


@dataclass(frozen=True, slots=True)
class BindingResponse:
    """A success response of a peer. Where that saw us is of no use: only a server far away is asked."""

    data: bytes
    integrity_at: int | None

    def is_authentic(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY is present and was made with `password`."""
        return _is_signed(self.data, self.integrity_at, password)


def parse_binding_request(data: bytes) -> BindingRequest:
    """The binding request in a datagram.

    Raises `StunError` otherwise: other STUN messages, a wrong FINGERPRINT, no `local:remote` USERNAME.
    """
    transaction_id = _transaction_of(data, _BINDING_REQUEST)
    attributes, integrity_at = _attributes(data)
    local, colon, remote = _text(attributes.get(_USERNAME, b"")).partition(":")
    if not colon:
        raise StunError("USERNAME is not local:remote")
    return BindingRequest(
        data=data,
        transaction_id=transaction_id,
        local_ufrag=local,
        remote_ufrag=remote,
        use_candidate=_USE_CANDIDATE in attributes,
        is_controlled=_ICE_CONTROLLED in attributes,
        unknown=tuple(t for t in attributes if t < _COMPREHENSION_OPTIONAL and t not in _KNOWN),
        integrity_at=integrity_at,
    )


def parse_binding_response(data: bytes) -> BindingResponse:
    """The success response in a datagram; raises `StunError` if it is another message, or malformed."""
    _transaction_of(data, _BINDING_SUCCESS)
    return BindingResponse(data, integrity_at=_attributes(data)[1])


def is_answer_to(transaction_id: bytes, data: bytes) -> bool:
    """Whether `data` names that transaction: what costs little comes before parsing and authentication."""
    return data[8 : _HEADER.size] == transaction_id


def _transaction_of(data: bytes, expected: int) -> bytes:
    """The transaction of a message of the type `expected`."""
    if not _HEADER.size <= len(data) <= MAX_BYTES:
        raise StunError("not the size of a STUN message")
    kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if kind != expected or cookie != _COOKIE:
        raise StunError("another kind of message")
    if length != len(data) - _HEADER.size or length % 4:
        raise StunError("wrong length")
    return bytes(transaction_id)


def _is_signed(data: bytes, at: int | None, password: str) -> bool:
    if at is None:
        return False
    # the signed length ends with MESSAGE-INTEGRITY, even if attributes follow
    length = (at + _INTEGRITY_BYTES - _HEADER.size).to_bytes(2, "big")
    mac = hmac.digest(password.encode(), b"".join((data[:2], length, data[4:at])), "sha1")
    return hmac.compare_digest(mac, data[at + 4 : at + _INTEGRITY_BYTES])


def _attributes(data: bytes) -> tuple[dict[int, bytes], int | None]:
    """The attributes by type, the first of each (RFC 8489 14), and where MESSAGE-INTEGRITY starts."""
    attributes: dict[int, bytes] = {}
    integrity_at = None
    at, end = _HEADER.size, len(data)
    while at < end:
        kind, length = _TYPE_LENGTH.unpack_from(data, at)
        after = at + 4 + (length + 3 & ~3)
        if after > end:
            raise StunError("attribute is cut off")
        if kind == _FINGERPRINT:
            checksum = crc32(data[:at]) ^ _FINGERPRINT_XOR
            if after != end or data[at + 4 : at + 4 + length] != checksum.to_bytes(4):
                raise StunError("wrong fingerprint")
        elif integrity_at is None:  # ignore attributes after it: they are not signed (RFC 8489 14.5)
            if kind == _MESSAGE_INTEGRITY:
                if length != _INTEGRITY_BYTES - 4:
                    raise StunError("wrong length of MESSAGE-INTEGRITY")
                integrity_at = at
            attributes.setdefault(kind, data[at + 4 : at + 4 + length])
        at = after
    return attributes, integrity_at


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise StunError("USERNAME is not UTF-8") from None


def question(transaction_id: bytes) -> bytes:
    """A request without credentials, to a STUN server: where does it see us? (RFC 8489 7.1)."""
    return _HEADER.pack(_BINDING_REQUEST, 0, _COOKIE, transaction_id)


def parse_mapped_address(data: bytes) -> tuple[str, int]:
    """IP and port of the XOR-MAPPED-ADDRESS in a server's success response (RFC 8489 14.2).

    Raises `StunError` if it is another message, or malformed, or names no host.
    """
    transaction_id = _transaction_of(data, _BINDING_SUCCESS)
    value = _attributes(data)[0].get(_XOR_MAPPED_ADDRESS, b"")
    family = _IP_BYTES.get(value[1:2])
    if family is None or len(value) != 4 + family:
        raise StunError("no mapped address")
    pad = _COOKIE.to_bytes(4) + transaction_id
    port = int.from_bytes(value[2:4]) ^ _COOKIE >> 16
    ip = ip_address(bytes(map(int.__xor__, value[4:], pad)))
    if not port or ip.is_unspecified or ip.is_multicast:
        raise StunError("the mapped address is not that of a host")
    return str(ip), port


def binding_request(transaction_id: bytes, username: str, password: str, tie_breaker: int) -> bytes:
    """A check of the controlled agent, signed with the peer's `password` (RFC 8445 7.2.2)."""
    attributes = b"".join(
        (
            _attribute(_USERNAME, username.encode()),
            _attribute(_PRIORITY, _PRIORITY_HERE.to_bytes(4)),
            _attribute(_ICE_CONTROLLED, tie_breaker.to_bytes(8)),
        )
    )
    return _message(_BINDING_REQUEST, transaction_id, attributes, password)


def success_response(request: BindingRequest, host: str, port: int, password: str) -> bytes:
    """The answer to a valid check: the check's source address, signed with the local `password`."""
    mapped = _xor_address(host, port, request.transaction_id)
    return _message(
        _BINDING_SUCCESS, request.transaction_id, _attribute(_XOR_MAPPED_ADDRESS, mapped), password
    )


def error_response(request: BindingRequest, code: StunCode, password: str | None = None) -> bytes:
    """A refusal, signed if the request proved knowledge of `password` (RFC 8489 9.1.3)."""
    reason = struct.pack("!HBB", 0, code // 100, code % 100) + _REASONS[code]
    attributes = _attribute(_ERROR_CODE, reason)
    if code is StunCode.UNKNOWN_ATTRIBUTE:
        attributes += _attribute(
            _UNKNOWN_ATTRIBUTES, struct.pack(f"!{len(request.unknown)}H", *request.unknown)
        )
    return _message(_BINDING_ERROR, request.transaction_id, attributes, password)


def _message(kind: int, transaction_id: bytes, attributes: bytes, password: str | None) -> bytes:
    def header(length: int) -> bytes:
        return _HEADER.pack(kind, length, _COOKIE, transaction_id)

    if password is not None:
        signed = header(len(attributes) + _INTEGRITY_BYTES) + attributes
        attributes += _attribute(_MESSAGE_INTEGRITY, hmac.digest(password.encode(), signed, "sha1"))
    message = header(len(attributes) + _FINGERPRINT_BYTES) + attributes
    checksum = crc32(message) ^ _FINGERPRINT_XOR
    return message + _attribute(_FINGERPRINT, checksum.to_bytes(4, "big"))


def _attribute(kind: int, value: bytes) -> bytes:
    return _TYPE_LENGTH.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _xor_address(host: str, port: int, transaction_id: bytes) -> bytes:
    """XOR-MAPPED-ADDRESS (RFC 8489 14.2)."""
    address = ip_address(host)
    packed = address.packed
    pad = (_COOKIE.to_bytes(4, "big") + transaction_id)[: len(packed)]
    xored = int.from_bytes(packed, "big") ^ int.from_bytes(pad, "big")
    family = 1 if address.version == 4 else 2
    return struct.pack("!BBH", 0, family, port ^ _COOKIE >> 16) + xored.to_bytes(len(packed), "big")
