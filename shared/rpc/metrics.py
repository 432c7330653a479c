"""Durations of RPC, by operation and outcome, for both of its ends."""

from prometheus_client import CollectorRegistry, Histogram

from shared.rpc.request import Observe

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)


def called(registry: CollectorRegistry) -> Observe:
    """An observer for the calling end."""
    return _observer("roomcast_rpc_call_seconds", "Time from a request to a worker until its reply", registry)


def served(registry: CollectorRegistry) -> Observe:
    """An observer for the answering end."""
    return _observer("roomcast_rpc_serve_seconds", "Time that a worker took for a request", registry)


def _observer(name: str, meaning: str, registry: CollectorRegistry) -> Observe:
    histogram = Histogram(name, meaning, ["op", "outcome"], registry=registry, buckets=_BUCKETS)
    return lambda op, outcome, seconds: histogram.labels(op, outcome).observe(seconds)
