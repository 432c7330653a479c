"""How wrong this host's clock is, as a metric."""

from prometheus_client import CollectorRegistry

from shared.telemetry.process_metrics import export_process


def test_the_skew_is_what_it_is_when_it_is_asked_for() -> None:
    registry, seconds = CollectorRegistry(), [2.5, -1.0]
    export_process(registry, lambda: seconds.pop(0))
    assert registry.get_sample_value("roomcast_clock_skew_seconds") == 2.5
    assert registry.get_sample_value("roomcast_clock_skew_seconds") == -1.0
