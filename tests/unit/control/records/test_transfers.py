"""Who gets a place among the recordings on their way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from control.records import transfers as transfers_module
from control.records.transfers import MAX_TRANSFERS, MAX_TRANSFERS_OF_CLIENT, Transfer, Transfers
from shared.errors import ErrorCode, ServiceError


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers_module, "GIVES_WAY_SECONDS", 1e-9)


@asynccontextmanager
async def stalled(transfer: Transfer) -> AsyncIterator[asyncio.Task[None]]:
    """Its reader takes nothing."""

    async def never(_: Message) -> None:
        await asyncio.get_running_loop().create_future()

    sending = asyncio.create_task(transfer.reader.send(never, {"type": "http.response.body"}))
    await asyncio.sleep(0)
    yield sending
    sending.cancel()
    await asyncio.wait([sending])


def refused(transfers: Transfers, client: str) -> ErrorCode:
    with pytest.raises(ServiceError) as caught:
        transfers.begin(client)
    assert caught.value.retry_after
    return caught.value.code


async def test_one_client_gets_so_many_and_others_get_theirs() -> None:
    transfers = Transfers()
    own = [transfers.begin("greedy") for _ in range(MAX_TRANSFERS_OF_CLIENT)]
    assert refused(transfers, "greedy") is ErrorCode.RATE_LIMITED
    transfers.begin("other")
    transfers.end(own[0])
    transfers.begin("greedy")


async def test_all_together_get_so_many() -> None:
    transfers = Transfers()
    for n in range(MAX_TRANSFERS):
        transfers.begin(f"c{n}")
    assert refused(transfers, "late") is ErrorCode.NO_WORKER
    assert len(transfers) == MAX_TRANSFERS


async def test_one_that_has_stalled_gives_way() -> None:
    transfers = Transfers()
    all_of_them = [transfers.begin(f"c{n}") for n in range(MAX_TRANSFERS)]
    async with stalled(all_of_them[7]) as first, stalled(all_of_them[3]):
        transfers.begin("late")
        with pytest.raises(ClientDisconnect):  # the one that stalled first
            await first
        transfers.end(all_of_them[7])  # as its response does, once more
        assert len(transfers) == MAX_TRANSFERS


async def test_of_one_client_its_own_stalled_one_gives_way() -> None:
    transfers = Transfers()
    other, *_ = [transfers.begin("other"), *(transfers.begin("greedy") for _ in range(19))]
    own = transfers.begin("greedy")
    async with stalled(other) as of_other, stalled(own) as of_own:
        transfers.begin("greedy")
        with pytest.raises(ClientDisconnect):
            await of_own
        assert not of_other.done()
