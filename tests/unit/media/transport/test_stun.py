"""STUN is read, proven and answered as RFC 8489 says and as another implementation agrees."""

import pytest
from aioice import stun as other

from media.transport.stun import (
    BindingRequest,
    StunCode,
    StunError,
    binding_request,
    error_response,
    parse_binding_request,
    parse_binding_response,
    parse_mapped_address,
    question,
    success_response,
)

# RFC 5769 2.1: ICE-CONTROLLED, PRIORITY, a padded USERNAME, SOFTWARE
VECTOR = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
VECTOR_PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
VECTOR_TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")

# RFC 5769 2.2 and 2.3: responses to it, with padding of spaces
VECTOR_IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
VECTOR_IPV6_RESPONSE = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)

PASSWORD = "p" * 24
TRANSACTION = b"transaction!"


def check(password: str = PASSWORD, **attributes: object) -> bytes:
    """A check as aioice builds it; attributes by STUN name, `_` for `-`."""
    named = {"USERNAME": "local:remote", **{k.replace("_", "-"): v for k, v in attributes.items()}}
    message = other.Message(other.Method.BINDING, other.Class.REQUEST, TRANSACTION, named)
    message.add_message_integrity(password.encode())
    return bytes(message)


def unsigned(*attributes: bytes) -> bytes:
    """A request of raw attributes, without integrity or fingerprint."""
    body = b"".join(attributes)
    return b"\x00\x01" + len(body).to_bytes(2, "big") + bytes.fromhex("2112a442") + TRANSACTION + body


def attribute(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)


USERNAME = attribute(0x0006, b"local:remote")


def test_rfc_5769_request_is_read_and_proven() -> None:
    request = parse_binding_request(VECTOR)
    assert request.transaction_id == VECTOR_TRANSACTION
    assert (request.local_ufrag, request.remote_ufrag) == ("evtj", "h6vY")
    assert request.is_controlled
    assert not request.use_candidate
    assert request.unknown == ()
    assert request.is_authentic(VECTOR_PASSWORD)
    assert not request.is_authentic(VECTOR_PASSWORD + "x")


@pytest.mark.parametrize(
    ("host", "vector", "mapped"),
    [
        ("192.0.2.1", VECTOR_IPV4_RESPONSE, slice(36, 48)),
        ("2001:db8:1234:5678:11:2233:4455:6677", VECTOR_IPV6_RESPONSE, slice(36, 60)),
    ],
)
def test_responses_map_addresses_as_the_rfc_5769_ones(host: str, vector: bytes, mapped: slice) -> None:
    response = success_response(parse_binding_request(VECTOR), host, 32853, VECTOR_PASSWORD)
    assert response[20:].startswith(vector[mapped])  # ours has no SOFTWARE before it
    theirs = other.parse_message(vector)
    ours = other.parse_message(response)
    assert theirs.check_message_integrity(VECTOR_PASSWORD.encode())
    assert ours.check_message_integrity(VECTOR_PASSWORD.encode())
    assert ours.attributes["XOR-MAPPED-ADDRESS"] == theirs.attributes["XOR-MAPPED-ADDRESS"] == (host, 32853)
    for field in ("message_method", "message_class", "transaction_id"):
        assert getattr(ours, field) == getattr(theirs, field)
    assert "FINGERPRINT" in ours.attributes


def test_check_of_another_implementation_is_read() -> None:
    request = parse_binding_request(
        check(PRIORITY=1853824767, ICE_CONTROLLING=2**63 + 5, USE_CANDIDATE=None, SOFTWARE="x")
    )
    assert not request.is_controlled
    assert request.use_candidate
    assert request.is_authentic(PASSWORD)


def test_priority_and_fingerprint_may_be_missing() -> None:
    request = parse_binding_request(unsigned(USERNAME))
    assert request.integrity_at is None
    assert not request.is_authentic(PASSWORD)


@pytest.mark.parametrize("code", StunCode)
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_error_is_understood_by_another_implementation(code: StunCode, password: str | None) -> None:
    data = error_response(parse_binding_request(check()), code, password)
    response = other.parse_message(data)
    assert response.message_class == other.Class.ERROR
    assert response.transaction_id == TRANSACTION
    assert response.error_code == code
    assert response.check_message_integrity(PASSWORD.encode()) == (password is not None)


def test_unknown_attributes_are_found_and_named_in_the_refusal() -> None:
    odd = attribute(0x7FFF, b"?") + attribute(0x0002, b"") + attribute(0xC057, b"optional")
    request = parse_binding_request(unsigned(USERNAME, odd))
    assert request.unknown == (0x7FFF, 0x0002)
    response = error_response(request, StunCode.UNKNOWN_ATTRIBUTE)
    assert attribute(0x000A, bytes.fromhex("7fff0002")) in response


def test_first_of_repeated_attributes_counts() -> None:
    request = parse_binding_request(unsigned(USERNAME, attribute(0x0006, b"other:other")))
    assert request.local_ufrag == "local"


def test_a_message_may_fill_a_datagram_that_is_not_fragmented() -> None:
    data = unsigned(USERNAME, attribute(0x8022, bytes(1460)))
    assert len(data) == 1500
    assert parse_binding_request(data).local_ufrag == "local"


def test_what_follows_integrity_is_ignored() -> None:
    data = check()[:-8] + attribute(0x0025, b"")
    length = len(data) - 20
    request = parse_binding_request(data[:2] + length.to_bytes(2, "big") + data[4:])
    assert request.is_authentic(PASSWORD)
    assert not request.use_candidate


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (VECTOR_IPV4_RESPONSE, ("192.0.2.1", 32853)),
        (VECTOR_IPV6_RESPONSE, ("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ],
)
def test_a_server_tells_where_it_sees_us_as_in_rfc_5769(data: bytes, seen: tuple[str, int]) -> None:
    assert parse_mapped_address(data) == seen
    assert parse_mapped_address(success_response(parse_binding_request(check()), *seen, PASSWORD)) == seen


def test_another_implementation_understands_the_question() -> None:
    asked = other.parse_message(question(TRANSACTION))
    assert (asked.message_method, asked.message_class) == (other.Method.BINDING, other.Class.REQUEST)
    assert (asked.transaction_id, asked.attributes) == (TRANSACTION, {})


def answer_of(*attributes: bytes) -> bytes:
    return b"\x01\x01" + unsigned(*attributes)[2:]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        question(TRANSACTION),
        answer_of(),
        answer_of(attribute(0x0020, b"")),
        answer_of(attribute(0x0020, b"\0\1\0\1abc")),
        answer_of(attribute(0x0020, b"\0\1\0\1abcde")),
        answer_of(attribute(0x0020, b"\0\2\0\1abcd")),
        answer_of(attribute(0x0020, b"\0\3\0\1abcd")),
        answer_of(attribute(0x0020, b"\0\1\x21\x12abcd")),  # port 0
        answer_of(attribute(0x0020, b"\0\1\0\1\x21\x12\xa4\x42")),  # 0.0.0.0
        answer_of(attribute(0x0001, b"\0\1\0\1abcd")),  # RFC 3489, which NATs rewrite
    ],
    ids=bytes.hex,
)
def test_what_does_not_tell_where_we_are_is_an_error(data: bytes) -> None:
    with pytest.raises(StunError):
        parse_mapped_address(data)


def test_any_changed_bit_is_noticed_without_a_fingerprint() -> None:
    data = bytearray(check(USE_CANDIDATE=None)[:-8])
    data[2:4] = (len(data) - 20).to_bytes(2, "big")
    assert parse_binding_request(bytes(data)).is_authentic(PASSWORD)
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            request = parse_binding_request(bytes(changed))
        except StunError:
            continue
        assert not request.is_authentic(PASSWORD), f"bit {bit}"


def response_to(request: BindingRequest) -> bytes:
    return success_response(request, "127.0.0.1", 1, PASSWORD)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        check()[:19],
        check()[:-4],
        check() + bytes(4),
        response_to(parse_binding_request(check())),
        b"\x00\x11" + check()[2:],  # an indication
        b"\x00\x03" + check()[2:],  # another method
        check()[:4] + bytes(4) + check()[8:],  # RFC 3489, without the cookie
        check()[:-1] + bytes([check()[-1] ^ 1]),  # fingerprint
        unsigned(),
        unsigned(attribute(0x0006, b"nocolon")),
        unsigned(attribute(0x0006, b"\xff:\xff")),
        unsigned(USERNAME, b"\x00\x24\x00\x04"),  # cut off
        unsigned(USERNAME, attribute(0x0008, b"short")),
        unsigned(USERNAME, attribute(0x8028, b"1")),
        unsigned(attribute(0x8028, bytes(4)), USERNAME),  # a fingerprint is last
        unsigned(USERNAME, b"\x80\x22"),  # no multiple of 4
        unsigned(USERNAME, attribute(0x8022, bytes(1464))),  # longer than 1500 octets
    ],
)
def test_anything_else_raises_the_one_error(data: bytes) -> None:
    with pytest.raises(StunError):
        parse_binding_request(data)


# --- our own requests, and their answers


def test_another_implementation_reads_our_request() -> None:
    data = binding_request(TRANSACTION, "theirs:ours", PASSWORD, tie_breaker=2**63)
    message = other.parse_message(data)
    assert (message.message_method, message.message_class) == (other.Method.BINDING, other.Class.REQUEST)
    assert message.transaction_id == TRANSACTION
    assert message.check_message_integrity(PASSWORD.encode())
    assert message.attributes["USERNAME"] == "theirs:ours"
    assert message.attributes["ICE-CONTROLLED"] == 2**63
    assert message.attributes["PRIORITY"] >> 24 == 110  # peer-reflexive (RFC 8445 5.1.2.1)


@pytest.mark.parametrize("data", [VECTOR_IPV4_RESPONSE, VECTOR_IPV6_RESPONSE])
def test_a_response_is_authentic_if_the_password_is_right_and_nothing_was_changed(data: bytes) -> None:
    assert parse_binding_response(data).is_authentic(VECTOR_PASSWORD)
    assert not parse_binding_response(data).is_authentic(PASSWORD)
    changed = bytearray(data[:-8])  # without its fingerprint, which many leave out
    changed[3] -= 8
    assert parse_binding_response(bytes(changed)).is_authentic(VECTOR_PASSWORD)
    changed[20 + 5] ^= 1
    assert not parse_binding_response(bytes(changed)).is_authentic(VECTOR_PASSWORD)


def test_an_unsigned_response_is_not_authentic() -> None:
    assert not parse_binding_response(b"\x01\x01" + unsigned()[2:]).is_authentic(PASSWORD)


@pytest.mark.parametrize(
    "data",
    [
        b"\x01\x11" + VECTOR_IPV4_RESPONSE[2:],  # an error
        check(),
        VECTOR_IPV4_RESPONSE[:-1] + b"\x00",  # fingerprint
    ],
)
def test_what_is_no_success_response_raises_the_one_error(data: bytes) -> None:
    with pytest.raises(StunError):
        parse_binding_response(data)
