"""What STUN servers see of this worker, if MEDIA_PUBLIC_IPS has auto."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.worker.public_address import Nat, PublicAddress


class PublicAddressCollector(Collector):
    def __init__(self, public: PublicAddress) -> None:
        self._public = public

    def collect(self) -> Iterable[Metric]:
        nats = self._public.nats
        if not nats:
            return
        states = GaugeMetricFamily(
            "roomcast_public_address",
            "1 for what STUN servers say of the public address: found, unknown, or a symmetric NAT.",
            labels=["family", "state"],
        )
        for family, nat in nats.items():
            for state in Nat:
                states.add_metric([family, state], nat is state)
        yield states
        yield CounterMetricFamily(
            "roomcast_public_address_changes",
            "Changes of a public address that was known.",
            value=self._public.changes,
        )
