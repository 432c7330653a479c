"""What operators send to moderate."""

import json

import pytest

from control.http.rulings import MAX_REASON, MOST_SECONDS, parse_block, parse_revocation
from shared.errors import ErrorCode, ServiceError
from shared.messages.rulings import TokenMark
from shared.names import MAX_CLAIM

NOW = 1000.0


@pytest.mark.parametrize(
    ("body", "parsed"),
    [
        (b"", None),
        (b"{}", None),
        (b'{"block": 1}', (1.0, "")),
        (b'{"block": 0.5, "reason": "\xc3\xa4rger"}', (0.5, "ärger")),
        (json.dumps({"block": MOST_SECONDS, "reason": "x" * MAX_REASON}).encode(), (MOST_SECONDS, "x" * 200)),
    ],
)
def test_a_block(body: bytes, parsed: tuple[float, str] | None) -> None:
    assert parse_block(body) == parsed


@pytest.mark.parametrize(
    "body",
    [
        *(b"[]", b"null", b'"x"', b"{", b"\xff", b"[" * 100_000),
        *(f'{{"block": {value}}}'.encode() for value in ("0", "-1", "true", "null", "NaN", "1e999", '"1"')),
        json.dumps({"block": MOST_SECONDS + 1}).encode(),
        json.dumps({"block": 1, "reason": "x" * (MAX_REASON + 1)}).encode(),
        b'{"block": 1, "reason": 5}',
        b'{"block": 1, "reason": "a\\nb"}',
        b'{"block": 1, "reason": "\\ud800"}',
        b'{"reason": "why"}',
        b'{"seconds": 5}',
    ],
)
def test_what_is_no_block(body: bytes) -> None:
    with pytest.raises(ServiceError) as error:
        parse_block(body)
    assert error.value.code is ErrorCode.INVALID_RULING


@pytest.mark.parametrize(
    ("body", "mark"),
    [
        (b'{"jti": "a"}', TokenMark(jti="a")),
        (b'{"subject": "a b"}', TokenMark(subject="a b")),
        (b'{"issued_before": 5}', TokenMark(issued_at=5.0)),
        (b'{"issued_before": 1001}', TokenMark(issued_at=NOW)),
        (b'{"issued_before": 1e999}', TokenMark(issued_at=NOW)),
        (b'{"issued_before": ' + b"9" * 400 + b"}", TokenMark(issued_at=NOW)),
    ],
)
def test_a_revocation(body: bytes, mark: TokenMark) -> None:
    assert parse_revocation(body, NOW) == mark


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"[]", b'{"jti": "a", "subject": "b"}', b'{"sub": "a"}', b'{"jti": "a", "x": 1}'),
        *(b'{"jti": ""}', b'{"jti": 5}', b'{"subject": null}', b'{"jti": "a\\u0000"}', b'{"jti": "\\udfff"}'),
        *(f'{{"issued_before": {value}}}'.encode() for value in ("0", "-1", "true", "null", "NaN", '"5"')),
        json.dumps({"jti": "x" * (MAX_CLAIM + 1)}).encode(),
        json.dumps({"subject": "Zoe\u0308"}).encode(),  # the one spelling is Zo\u00eb
    ],
)
def test_what_is_no_revocation(body: bytes) -> None:
    with pytest.raises(ServiceError) as error:
        parse_revocation(body, NOW)
    assert error.value.code is ErrorCode.INVALID_RULING
