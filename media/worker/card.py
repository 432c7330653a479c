"""The host's network cards by which media leaves: what share of them is in use, as the kernel tells.

All that runs on a host shares its cards, and the kernel counts for all of it: so the workers of a host agree
on when a card is full, without a word to each other. Reading may wait for the kernel: it has its own thread.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import psutil

from media.recording.disk_threads import DiskThreads
from media.transport.address import Address
from media.worker.addresses import sources
from shared.beat import BEAT_SECONDS, beat

INTERFACES = Path("/sys/class/net")
FIND_SECONDS = 60.0  # a route, a cable or a bond may change


@dataclass(frozen=True, slots=True)
class Card:
    path: Path
    speed: int  # bits a second

    @property
    def name(self) -> str:
        return self.path.name

    def sent(self) -> int:
        """Octets that the host has sent by it. Raises `OSError`, or `ValueError`."""
        return int((self.path / "statistics/tx_bytes").read_text("ascii"))


class CardUse:
    """Of the cards by which `bound` ports and `relay` addresses send, the fullest one's used share, 0 to 1.

    `share` is None where no card is known, as in most containers and virtual machines.
    """

    def __init__(self, bound: Sequence[Address], relay: Collection[str]) -> None:
        self.share: float | None = None
        self._leaving = bound, relay
        self._cards: list[Card] = []
        self._find_at = 0.0
        self._counted: dict[str, tuple[float, int]] = {}  # by card: when, and octets sent until then

    async def run(self) -> None:
        """Look once a second, where a card is known, until cancelled."""
        threads = DiskThreads("card", 1)
        while True:
            pause = BEAT_SECONDS
            try:
                self.share = await threads.call(self._look)
                pause = BEAT_SECONDS if self._cards else FIND_SECONDS
            except OSError:  # no descriptor is left, for one: it must not end the sessions
                self.share = None
            await beat(pause)

    def _look(self) -> float | None:
        now = monotonic()
        if now >= self._find_at:
            self._cards, self._find_at = cards(leaves_from(*self._leaving)), now + FIND_SECONDS
        return self.measure(self._cards, now)

    def measure(self, found: Iterable[Card], now: float) -> float | None:
        """The share since the last call. `now`: seconds of a steady clock."""
        before, self._counted = self._counted, {}
        shares = []
        for card in found:
            with suppress(OSError, ValueError):  # it is gone
                self._counted[card.name] = now, card.sent()
        for card in found:
            if card.name in before and card.name in self._counted:
                (since, octets_before), (_, octets) = before[card.name], self._counted[card.name]
                shares.append(max(0, octets - octets_before) * 8 / (now - since) / card.speed)
        return max(shares, default=None)


def leaves_from(bound: Sequence[Address], relay: Collection[str]) -> list[str]:
    """The addresses of this host from which media goes: those of its ports, those to other workers."""
    hosts = [str(host) for host, *_ in bound]
    named = [host for host in hosts if not ipaddress.ip_address(host).is_unspecified]
    return [*named, *relay, *(sources() if len(named) < len(hosts) else ())]


def cards(addresses: Collection[str], root: Path = INTERFACES) -> list[Card]:
    """The cards behind the interfaces that have these addresses, as far as their speed is known."""
    found: dict[str, Card] = {}
    for interface, own in psutil.net_if_addrs().items():
        if any(address.address.partition("%")[0] in addresses for address in own):
            found |= {card.name: card for card in _behind(root / interface)}
    return list(found.values())


def _behind(interface: Path) -> Iterator[Card]:
    """The cards that carry what an interface sends: a bond is one, a VLAN and a bridge stand on others.

    What is neither, such as a container's end of a veth, names a speed that nobody keeps.
    """
    if (interface / "device").exists() or (interface / "bonding").exists():
        with suppress(OSError, ValueError):
            speed = int((interface / "speed").read_text("ascii"))  # Mbit/s; -1: not known
            if speed > 0:
                yield Card(interface, speed * 1_000_000)
    else:
        for lower in interface.glob("lower_*"):
            yield from _behind(interface.with_name(lower.name.removeprefix("lower_")))
