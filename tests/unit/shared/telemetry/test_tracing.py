"""Traces cost nothing while they are off, and whoever sends a broken parent gets a trace of his own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.errors import ErrorCode, ServiceError
from shared.settings.settings import SettingsError, load_settings
from shared.telemetry import tracing
from shared.telemetry.otel import OpenTelemetry
from shared.telemetry.tracing import (
    close_tracing,
    configure_tracing,
    root_span,
    span,
    trace_here,
    traceparent,
)
from tests.support.otlp_collector import OtlpCollector
from tests.support.waiting import eventually

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@contextmanager
def on(url: str) -> Iterator[None]:
    configure_tracing(load_settings(traces_url=url), "roomcast-test", "w1")
    try:
        yield
    finally:
        assert isinstance(tracing._tracer, OpenTelemetry)
        tracing._tracer._provider.shutdown()
        tracing._tracer = None


async def sent(collector: OtlpCollector, count: int) -> None:
    await eventually("spans are sent", lambda: len(collector.spans) >= count, 10.0)


def test_off_all_spans_are_one_object_that_does_nothing() -> None:
    configure_tracing(load_settings(), "roomcast-test")
    assert span("one") is span("another", room="demo") is root_span("third", PARENT)
    with root_span("one", PARENT):
        assert traceparent() == ""
        assert trace_here() is None
    close_tracing(0.0)


def test_off_nothing_of_ours_imports_opentelemetry() -> None:
    """redis-py does, where it is installed."""
    code = (
        "import sys, shared.rpc.client, shared.rpc.server; assert 'shared.telemetry.otel' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_opentelemetry_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shared.telemetry.otel", None)
    with pytest.raises(SettingsError, match=r"^TRACES_URL requires OpenTelemetry"):
        configure_tracing(load_settings(traces_url="http://127.0.0.1:4318/v1/traces"), "roomcast-test")


@pytest.mark.parametrize("broken", ["", "00-0-0-0", "x" * 10_000, "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
async def test_a_broken_parent_begins_a_trace_of_its_own(broken: str) -> None:
    async with OtlpCollector() as collector:
        with on(collector.url):
            with root_span("root", broken):
                assert traceparent().startswith("00-")
            await sent(collector, 1)
    assert not collector.spans[0].parent


async def test_a_trace_goes_on_from_its_parent_and_later() -> None:
    async with OtlpCollector() as collector:
        with on(collector.url):
            with span("without a trace: nothing"):
                pass
            with root_span("root", PARENT, room="demo"), span("child"):
                later = trace_here()
            assert later is not None
            later.add("later", 100.0, 101.5, transport="udp")
            await sent(collector, 3)
    spans = {one.name: one for one in collector.spans}
    assert spans.keys() == {"root", "child", "later"}
    assert {one.trace for one in spans.values()} == {PARENT.split("-")[1]}
    assert spans["child"].parent == spans["root"].id
    assert spans["later"].parent == spans["child"].id
    assert spans["later"].ended - spans["later"].began == 1_500_000_000
    assert spans["root"].attributes == {"room": "demo"}


async def test_an_error_shows_by_its_code_and_not_by_its_text() -> None:
    async with OtlpCollector() as collector:
        with on(collector.url):
            with pytest.raises(ServiceError), root_span("refused"):
                raise ServiceError(ErrorCode.INVALID_SDP, detail="a=ice-pwd:hush")
            with pytest.raises(KeyError), root_span("broken"):
                raise KeyError("hush")
            await sent(collector, 2)
    errors = {one.name: one.attributes["error.type"] for one in collector.spans if one.failed}
    assert errors == {"refused": "invalid_sdp", "broken": "KeyError"}
    assert b"hush" not in collector.raw


async def test_a_trace_that_its_client_does_not_sample_is_not_sent() -> None:
    async with OtlpCollector() as collector:
        with on(collector.url):
            with root_span("not sampled", PARENT[:-2] + "00"):
                assert trace_here() is None
            with root_span("sampled"):
                pass
            await sent(collector, 1)
    assert [one.name for one in collector.spans] == ["sampled"]
