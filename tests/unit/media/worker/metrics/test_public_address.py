"""Prometheus learns what STUN servers say, and nothing where nobody asks them."""

from pathlib import Path

import pytest

from media.transport.mapping import Mapping
from media.transport.udp import UdpPort
from media.worker.metrics.public_address import PublicAddressCollector
from media.worker.public_address import PublicAddress

HERE, ELSEWHERE = ("203.0.113.7", 40000), ("203.0.113.7", 40001)


def series_of(public: PublicAddress) -> dict[str, float]:
    """By name and state."""
    return {
        sample.name + sample.labels.get("state", ""): sample.value
        for metric in PublicAddressCollector(public).collect()
        for sample in metric.samples
    }


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
        series = series_of(public)
        assert series.pop("roomcast_public_address_changes_total") == changes
        assert {name for name, value in series.items() if value} == {f"roomcast_public_address{state}"}
        assert len(series) == 3


@pytest.mark.parametrize("names", [[], ["203.0.113.7"]])
async def test_without_auto_there_is_no_series(names: list[str]) -> None:
    port = UdpPort("127.0.0.1", 0)
    port.close()
    assert not series_of(PublicAddress([port], names, []))


def test_the_series_are_in_the_documentation() -> None:
    text = (Path(__file__).parents[5] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    for name in ("roomcast_public_address{family, state}", "roomcast_public_address_changes_total"):
        assert f"`{name}`" in text
