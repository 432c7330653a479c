"""How far this process's clock is from Redis', for the metrics of both planes."""

from prometheus_client import CollectorRegistry, Gauge

from shared.bus.redis_clock import RedisClock


def export_skew(clock: RedisClock, registry: CollectorRegistry) -> None:
    Gauge(
        "roomcast_clock_skew_seconds",
        "How far this host's clock is ahead of Redis' clock",
        registry=registry,
    ).set_function(clock.skew)
