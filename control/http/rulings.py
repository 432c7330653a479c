"""What operators send to moderate, parsed; raises `INVALID_RULING` with what is wrong.

Texts have no control characters, so that they fit into a line of a log, and no half of a surrogate pair.
"""

from math import inf

from control.http.json_object import is_number, json_object
from shared.errors import ErrorCode, ServiceError
from shared.messages.rulings import TokenMark
from shared.names import A_CLAIM, is_claim, is_plain

MOST_SECONDS = 366 * 86_400  # of a block: a year
MAX_REASON = 200  # characters


def parse_block(body: bytes) -> tuple[float, str] | None:
    """The seconds and the reason of `{"block", "reason"}`; None: the room is to be closed only."""
    if not body.strip():
        return None
    ask = json_object(body, {"block", "reason"}, _wrong)
    seconds, reason = ask.get("block"), ask.get("reason", "")
    if not (isinstance(reason, str) and len(reason) <= MAX_REASON and is_plain(reason)):
        raise _wrong(f"reason is a text of up to {MAX_REASON} characters without control characters")
    if "block" not in ask:
        if "reason" in ask:
            raise _wrong("a reason needs block, in seconds")
        return None
    if not (is_number(seconds, 0, MOST_SECONDS) and seconds > 0):
        raise _wrong(f"block is a number of seconds, up to {MOST_SECONDS}")
    return float(seconds), reason


def parse_revocation(body: bytes, now: float) -> TokenMark:
    """Exactly one of `{"jti"}`, `{"subject"}`, `{"issued_before"}`.

    A time later than `now`, in Unix seconds, counts as now: what is not issued yet cannot be revoked.
    """
    ask = json_object(body, {"jti", "subject", "issued_before"}, _wrong)
    if len(ask) != 1:
        raise _wrong("one of jti, subject and issued_before")
    ((name, value),) = ask.items()
    if name == "issued_before":
        if not (is_number(value, 0, inf) and value > 0):
            raise _wrong("issued_before is a Unix time")
        return TokenMark(issued_at=float(min(value, now)))
    if not is_claim(value):  # no JWT that opens anything has it
        raise _wrong(f"{name} is {A_CLAIM}")
    return TokenMark(jti=value) if name == "jti" else TokenMark(subject=value)


def _wrong(detail: str) -> ServiceError:
    return ServiceError(ErrorCode.INVALID_RULING, detail=detail)
