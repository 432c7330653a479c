"""An event as its receiver gets it: JSON, signed as Standard Webhooks 1.0.0 has it. Does no I/O."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from control.workers.viewing_reports import viewing_facts
from shared.events.event_queue import Entry

VERSION = 1  # of the data; it grows with a change that a receiver must know of
_PREFIX = "whsec_"


class EventError(ValueError):
    """An entry of a stream is no event of this version."""


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    room: str
    event: dict[str, Any]

    @property
    def body(self) -> bytes:
        return json.dumps(self.event, ensure_ascii=False, separators=(",", ":")).encode()


def message_of(entry: Entry) -> Message:
    """The message of an entry of the stream. Raises `EventError`."""
    try:
        fields = entry.fields or {}
        return Message(fields["id"], fields["room"], _event(fields))
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        raise EventError("not an event") from None


def headers(message: Message, body: bytes, secrets: Sequence[str], now: float) -> dict[str, str]:
    """The headers of one attempt at the Unix time `now`, signed with each of the secrets."""
    timestamp = str(int(now))
    signed = f"{message.id}.{timestamp}.".encode() + body
    return {
        "content-type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _event(fields: Mapping[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {"version": VERSION, "room": fields["room"], "worker": fields["worker"]}
    if fields["broadcast"]:
        data |= {"broadcast": fields["broadcast"], "number": int(fields["number"])}
    facts = json.loads(fields["facts"])
    if "viewing" in facts:
        facts["viewing"] = viewing_facts(facts["viewing"])
    if "started_at" in facts:
        data["startedAt"] = rfc3339(facts.pop("started_at"))
    return {"type": fields["type"], "timestamp": rfc3339(float(fields["at"])), "data": data | facts}


def rfc3339(unix_time: float) -> str:
    """A Unix time, as RFC 3339 has it, in milliseconds."""
    return datetime.fromtimestamp(unix_time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
