"""Webhooks as Prometheus sees them."""

from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge


class WebhookFigures:
    """The figures of webhooks. Only the process that delivers to a receiver reports what waits for it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.delivered = Counter(
            "roomcast_webhook_delivered", "Webhooks that were delivered", ["receiver"], registry=registry
        )
        self.failures = Counter(
            "roomcast_webhook_failures",
            "Attempts to deliver a webhook that failed, and will be repeated or were the last",
            ["receiver"],
            registry=registry,
        )
        self.given_up = Counter(
            "roomcast_webhook_given_up", "Webhooks that became dead letters", ["receiver"], registry=registry
        )
        self.lost = Counter(
            "roomcast_webhook_lost",
            "Events that were trimmed from Redis before they were delivered",
            ["receiver"],
            registry=registry,
        )
        self.waiting = Gauge(
            "roomcast_webhook_waiting", "Webhooks that wait", ["receiver"], registry=registry
        )
        self.oldest = Gauge(
            "roomcast_webhook_oldest_seconds", "Age of the oldest of them", ["receiver"], registry=registry
        )
        self.dead_letters = Gauge(
            "roomcast_webhook_dead_letters", "Dead letters of all receivers", registry=registry
        )

    def begin(self, receiver: str) -> None:
        """Show the totals from the start on, not from the first event on."""
        for counter in (self.delivered, self.failures, self.given_up, self.lost):
            counter.labels(receiver)

    def forget_backlog(self, receiver: str) -> None:
        for gauge in (self.waiting, self.oldest):
            with suppress(KeyError):  # it was never measured
                gauge.remove(receiver)
