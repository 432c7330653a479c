"""Webhooks as their receivers see them, judged by the library of Standard Webhooks."""

import base64
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from control.webhooks.message import EventError, headers, message_of
from shared.events.event_queue import Entry

SECRET, OTHER = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
FIELDS = {
    "id": "5f0c-1-1",
    "type": "room.started",
    "room": "demo",
    "at": "1795696190.25",
    "broadcast": "5f0c-1",
    "number": "1",
    "worker": "w1",
    "facts": '{"codecs":["VP8"],"started_at":1795696190.2}',
}


def verified(secret: str, secrets: list[str], body: bytes | None = None) -> Any:
    message = message_of(Entry("1-0", FIELDS))
    sent = headers(message, message.body, secrets, time.time())
    return Webhook(secret).verify((body or message.body).decode(), sent)


def test_a_receiver_with_any_of_the_secrets_can_verify_it() -> None:
    event = {
        "type": "room.started",
        "timestamp": "2026-11-26T12:29:50.250Z",
        "data": {
            "version": 1,
            "room": "demo",
            "worker": "w1",
            "broadcast": "5f0c-1",
            "number": 1,
            "startedAt": "2026-11-26T12:29:50.200Z",
            "codecs": ["VP8"],
        },
    }
    assert verified(SECRET, [SECRET, OTHER]) == event
    assert verified(OTHER, [SECRET, OTHER]) == event


def test_sums_of_what_viewers_reported_are_told_as_means() -> None:
    facts = '{"reason":"deleted","viewing":{"reports":2,"watched_ms":60000,"latencies":2,"latency_ms":700}}'
    event = message_of(Entry("1-0", {**FIELDS, "type": "room.ended", "facts": facts})).event
    assert event["data"]["viewing"] == {
        "reports": 2,
        "seconds": 60.0,
        "stills": 0,
        "stillSeconds": 0.0,
        "concealedSeconds": 0.0,
        "latency": 0.35,
    }


@pytest.mark.parametrize(
    "viewing", ['"x"', "{}", '{"reports":1,"latencies":1}', '{"reports":1,"watched_ms":"x"}']
)
def test_what_cannot_be_sums_is_no_event(viewing: str) -> None:
    with pytest.raises(EventError):
        message_of(Entry("1-0", {**FIELDS, "facts": f'{{"viewing":{viewing}}}'}))


def test_a_forged_one_is_found() -> None:
    with pytest.raises(WebhookVerificationError):
        verified(OTHER, [SECRET])
    with pytest.raises(WebhookVerificationError):
        verified(SECRET, [SECRET], body=b'{"type":"room.ended"}')


def test_an_event_of_a_recording_has_no_broadcast() -> None:
    fields = {**FIELDS, "broadcast": "", "number": "0", "facts": '{"name":"demo_1.webm"}'}
    assert message_of(Entry("1-0", fields)).event["data"] == {
        "version": 1,
        "room": "demo",
        "worker": "w1",
        "name": "demo_1.webm",
    }


@given(st.dictionaries(st.sampled_from([*FIELDS, "more"]), st.text(max_size=20)))
def test_anything_else_in_the_stream_is_one_named_error(fields: dict[str, str]) -> None:
    for entry in (Entry("1-0", fields), Entry("1-0", FIELDS | fields), Entry("1-0", None)):
        with suppress(EventError):
            assert message_of(entry).event


@pytest.mark.parametrize("missing", ["id", "room", "type", "at", "broadcast", "number", "worker", "facts"])
def test_an_event_without_one_of_its_fields_is_none(missing: str) -> None:
    with pytest.raises(EventError):
        message_of(Entry("1-0", {name: value for name, value in FIELDS.items() if name != missing}))
