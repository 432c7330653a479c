"""The host's network cards, in a tree of files as Linux has it."""

import asyncio
import errno
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from media.worker.card import FIND_SECONDS, CardUse, cards, leaves_from
from shared.beat import BEAT_SECONDS

GIGABIT = 1_000_000_000


class Host:
    """Network interfaces, each with one address: 192.0.2.N for the Nth."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._addresses: dict[str, list[object]] = {}
        monkeypatch.setattr(psutil, "net_if_addrs", lambda: self._addresses)

    def add(self, name: str, speed: str | None, *, kind: str = "device", over: str | None = None) -> str:
        """Returns its address. `kind`: the folder that a card or a bond has."""
        folder = self.root / name
        (folder / "statistics").mkdir(parents=True)
        if kind:
            (folder / kind).mkdir()
        if speed is not None:
            (folder / "speed").write_text(f"{speed}\n")
        if over is not None:
            (folder / f"lower_{over}").symlink_to(self.root / over)
        address = f"192.0.2.{len(self._addresses) + 1}"
        self._addresses[name] = [SimpleNamespace(address=address)]
        self.send(name, 0)
        return address

    def send(self, name: str, octets: int) -> None:
        (self.root / name / "statistics/tx_bytes").write_text(f"{octets}\n")

    def cards(self, *addresses: str) -> dict[str, int]:
        return {card.name: card.speed for card in cards(addresses, self.root)}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_a_card_is_found_by_its_address(host: Host) -> None:
    host.add("eth0", "10000")
    second = host.add("eth1", "1000")
    assert host.cards(second) == {"eth1": GIGABIT}


def test_a_vlan_on_a_bond_is_the_bond(host: Host) -> None:
    host.add("eth0", "10000")
    host.add("bond0", "20000", kind="bonding", over="eth0")
    vlan = host.add("bond0.7", "20000", kind="", over="bond0")
    assert host.cards(vlan) == {"bond0": 20 * GIGABIT}


@pytest.mark.parametrize("speed", ["-1", "0", "", None])
def test_a_speed_that_is_not_known_is_none(host: Host, speed: str | None) -> None:
    assert host.cards(host.add("eth0", speed)) == {}


def test_a_containers_interface_names_a_speed_that_nobody_keeps(host: Host) -> None:
    assert host.cards(host.add("eth0", "10000", kind="")) == {}


def test_the_share_is_of_the_fullest_card_and_of_the_last_second(host: Host) -> None:
    found = cards((host.add("eth0", "10000"), host.add("eth1", "1000")), host.root)
    use = CardUse((), ())
    assert use.measure(found, 100.0) is None
    host.send("eth0", 100_000_000)
    host.send("eth1", 100_000_000)
    assert use.measure(found, 101.0) == pytest.approx(0.8)
    assert use.measure(found, 102.0) == 0.0


def test_a_card_that_is_gone_counts_no_more(host: Host) -> None:
    found = cards((host.add("eth0", "10000"),), host.root)
    use = CardUse((), ())
    use.measure(found, 100.0)
    (host.root / "eth0/statistics/tx_bytes").unlink()
    assert use.measure(found, 101.0) is None


def test_media_leaves_from_what_is_bound_and_by_the_routes_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.worker.card.sources", lambda: ["192.0.2.9"])
    assert leaves_from([("192.0.2.1", 7100)], ()) == ["192.0.2.1"]
    assert leaves_from([("0.0.0.0", 7100), ("::", 7100)], ("10.0.0.7",)) == ["10.0.0.7", "192.0.2.9"]


async def test_a_worker_without_cards_or_descriptors_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses, answers = list[float](), iter([OSError(errno.EMFILE, "Too many open files"), None])

    def addresses() -> dict[str, list[object]]:
        if (error := next(answers)) is not None:
            raise error
        return {}

    async def beat(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise asyncio.CancelledError

    monkeypatch.setattr(psutil, "net_if_addrs", addresses)
    monkeypatch.setattr("media.worker.card.beat", beat)
    use = CardUse([("192.0.2.1", 7100)], ())
    use.share = 0.5
    with pytest.raises(asyncio.CancelledError):
        await use.run()
    assert use.share is None
    assert pauses == [BEAT_SECONDS, FIND_SECONDS]
