"""The addresses of a receiver: looked up once for a while, and all of them checked."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from control.webhooks import lookup as module
from control.webhooks.address_policy import AddressPolicy, ForbiddenAddressError
from control.webhooks.lookup import KEEP_SECONDS, MAX_ADDRESSES, Lookup
from control.webhooks.receiver import receivers_of

PUBLIC = [f"8.8.8.{number}" for number in range(8)]


class Names:
    """What the name server says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, addresses: Sequence[str] = ("8.8.8.8",)) -> None:
        self.now = 0.0
        self.asked: list[tuple[str, int]] = []
        self.addresses = addresses
        self.answers = asyncio.Event()
        self.answers.set()
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._find)
        monkeypatch.setattr(module, "monotonic", lambda: self.now)

    async def _find(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append((host, port))
        await self.answers.wait()
        if not self.addresses:
            raise socket.gaierror
        twice = [address for address in self.addresses for _ in range(2)]  # as for each kind of socket
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in twice]


def lookup(url: str = "https://hooks.example/") -> Lookup:
    return Lookup(receivers_of([url])[0], AddressPolicy([]))


async def test_a_name_is_looked_up_again_after_a_while_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names, looks = Names(monkeypatch), lookup()
    names.now = 1_000.0
    for seconds, times in ((0.0, 1), (KEEP_SECONDS - 0.1, 1), (0.1, 2)):
        names.now += seconds
        assert await looks.addresses() == ["8.8.8.8"]
        assert len(names.asked) == times


async def test_those_who_ask_at_once_share_one_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    names, looks = Names(monkeypatch), lookup()
    names.answers.clear()
    asking = [asyncio.create_task(looks.addresses()) for _ in range(3)]
    await asyncio.sleep(0.01)
    asking[0].cancel()  # one that does not wait any longer ends it for nobody else
    names.answers.set()
    assert await asyncio.gather(*asking[1:]) == [["8.8.8.8"]] * 2
    assert len(names.asked) == 1


async def test_a_look_up_that_failed_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    names, looks = Names(monkeypatch, []), lookup()
    with pytest.raises(socket.gaierror):
        await looks.addresses()
    names.addresses = ["8.8.8.8"]
    assert await looks.addresses() == ["8.8.8.8"]


async def test_few_addresses_are_tried_and_all_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, PUBLIC)
    assert await lookup().addresses() == PUBLIC[:MAX_ADDRESSES]
    names.addresses = [*PUBLIC, "10.0.0.1"]
    with pytest.raises(ForbiddenAddressError):
        await lookup().addresses()


async def test_what_was_kept_is_checked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, ["10.0.0.1"])
    looks = lookup()
    for _ in range(2):
        with pytest.raises(ForbiddenAddressError):
            await looks.addresses()


@pytest.mark.parametrize(
    ("url", "port"),
    [("https://hooks.example/", 443), ("http://hooks.example/", 80), ("https://hooks.example:8443/", 8443)],
)
async def test_the_port_is_the_url_s(url: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch)
    looks = Lookup(receivers_of([url])[0], AddressPolicy(["8.8.8.0/24"]))
    await looks.addresses()
    assert names.asked == [("hooks.example", port)]


async def test_public_addresses_are_for_https(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch)
    with pytest.raises(ForbiddenAddressError):
        await lookup("http://hooks.example/").addresses()
