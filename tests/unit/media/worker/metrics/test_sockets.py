"""What a media socket cannot hold is exported, and how much it can."""

import socket

from prometheus_client.core import Metric

from media.transport.ports import Ports
from media.transport.udp import UdpPort
from media.worker.metrics.sockets import SocketsCollector
from tests.support.native_loop import NATIVE

DATAGRAM = bytes(32_000)
MOST = 2_000  # 64 MB: more than any buffer that is asked for


def series(ports: Ports) -> dict[tuple[str, ...], float]:
    metrics: list[Metric] = list(SocketsCollector(ports).collect())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def test_a_full_buffer_shows_by_address_family() -> None:
    ports = Ports(UdpPort("127.0.0.1", 0), UdpPort("::1", 0))
    four, six = ports
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        for _ in range(MOST):  # nobody reads
            client.sendto(DATAGRAM, six.address)
            if six.rx_overflows:
                break
    shown = series(ports)
    assert shown["roomcast_receive_drops_total", "ipv6"] == six.rx_overflows == 1
    assert shown["roomcast_receive_drops_total", "ipv4"] == 0
    for family, port in (("ipv4", four), ("ipv6", six)):
        sizes = tuple(shown["roomcast_socket_buffer_bytes", family, way] for way in ("receive", "send"))
        assert sizes == port.buffers
        assert min(sizes) > 0
    for port in (four, six):
        port.close()


def test_it_shows_whether_the_native_step_sends() -> None:
    for native in (None, NATIVE):
        ports = Ports(UdpPort("127.0.0.1", 0, native))
        assert series(ports)["roomcast_native_sending",] == (native is not None)
        ports.close()
