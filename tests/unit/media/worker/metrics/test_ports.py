"""What the metrics say of the media ports: what a socket cannot hold, and what STUN servers see."""

import socket
from pathlib import Path

import pytest

from media.transport.mapping import Mapping
from media.transport.ports import Ports
from media.transport.udp import UdpPort
from media.worker.metrics.ports import public_address_metrics, socket_metrics
from media.worker.public_address import PublicAddress
from tests.support.native_loop import NATIVE
from tests.support.series import series_of

DATAGRAM = bytes(32_000)
MOST = 2_000  # 64 MB: more than any buffer that is asked for
HERE, ELSEWHERE = ("203.0.113.7", 40000), ("203.0.113.7", 40001)


def test_a_full_buffer_shows_by_address_family() -> None:
    ports = Ports(UdpPort("127.0.0.1", 0), UdpPort("::1", 0))
    four, six = ports
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        for _ in range(MOST):  # nobody reads
            client.sendto(DATAGRAM, six.address)
            if six.rx_overflows:
                break
    shown = series_of(socket_metrics(ports))
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
        assert series_of(socket_metrics(ports))["roomcast_native_sending",] == (native is not None)
        ports.close()


async def test_one_state_holds_and_changes_are_counted() -> None:
    port = UdpPort("127.0.0.1", 0)
    public = PublicAddress([port], ["auto"], [])
    port.close()
    for answers, state, changes in (
        ((), "unknown", 0),
        ((HERE, HERE), "found", 0),
        ((HERE, ELSEWHERE), "symmetric", 1),
        ((ELSEWHERE, ELSEWHERE), "found", 2),
    ):
        public.learn([Mapping(answers)])
        series = series_of(public_address_metrics(public))
        assert series.pop(("roomcast_public_address_changes_total",)) == changes
        assert [key for key, value in series.items() if value] == [("roomcast_public_address", "ipv4", state)]
        assert len(series) == 3


@pytest.mark.parametrize("names", [[], ["203.0.113.7"]])
async def test_without_auto_there_is_no_series(names: list[str]) -> None:
    port = UdpPort("127.0.0.1", 0)
    port.close()
    assert not series_of(public_address_metrics(PublicAddress([port], names, [])))


def test_the_series_are_in_the_documentation() -> None:
    text = (Path(__file__).parents[5] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    for name in ("roomcast_public_address{family, state}", "roomcast_public_address_changes_total"):
        assert f"`{name}`" in text
