"""The sockets of media over UDP: their buffers, what found the receive buffer full, and what sends."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.transport.ports import Ports


class SocketsCollector(Collector):
    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def collect(self) -> Iterable[Metric]:
        buffers = GaugeMetricFamily(
            "roomcast_socket_buffer_bytes",
            "Buffers of the media sockets, as the kernel grants them.",
            labels=["family", "direction"],
        )
        drops = CounterMetricFamily(
            "roomcast_receive_drops",
            "Datagrams that the kernel dropped because the receive buffer was full.",
            labels=["family"],
        )
        for port in self._ports:
            family = "ipv6" if ":" in port.address[0] else "ipv4"
            for direction, size in zip(("receive", "send"), port.buffers, strict=True):
                buffers.add_metric([family, direction], size)
            if (overflows := port.rx_overflows) is not None:
                drops.add_metric([family], overflows)
        native = GaugeMetricFamily(
            "roomcast_native_sending",
            "1: media over UDP is read, opened, encrypted and sent in C; 0: in Python.",
            value=any(port.fan_out is not None for port in self._ports),
        )
        yield from (buffers, drops, native)
