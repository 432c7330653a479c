"""Four workers of one host see that its network card is full, and none takes anybody. It takes root."""

from pathlib import Path
from time import monotonic

from tests.support.peer import IN_TIME
from tests.support.system import running_system
from tests.support.waiting import eventually

WORKERS = 4
SPEED = 10_000_000_000
TRAFFIC_SECONDS = 0.1


class Card:
    """The loopback interface as Linux shows a card of 10 Gbit/s, which other processes of the host fill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "lo/device").mkdir(parents=True)
        (folder / "lo/statistics").mkdir()
        (folder / "lo/speed").write_text(f"{SPEED // 1_000_000}\n")
        self._sent, self._counted_at, self._share = 0.0, monotonic(), 0.0
        self.count()

    def fill(self, share: float) -> None:
        self.count()
        self._share = share

    def count(self) -> None:
        now = monotonic()
        self._sent += (now - self._counted_at) * self._share * SPEED / 8
        self._counted_at = now
        counter = self.folder / "lo/statistics/tx_bytes"
        written = counter.with_suffix(".new")
        written.write_text(f"{self._sent:.0f}\n")
        written.replace(counter)


async def test_no_worker_of_a_host_takes_clients_for_a_full_card(redis_url: str, tmp_path: Path) -> None:
    card = Card(tmp_path)
    see_the_card = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /sys/class/net && exec "$@"')
    async with running_system(
        redis_url, workers=WORKERS, under=(*see_the_card, str(card.folder)), ADMIN_TOKEN="chief"
    ) as system:

        async def taking(role: str) -> list[bool]:
            card.count()
            answer = await system.http.get(
                f"{system.controls[0].url}/api/workers", headers={"Authorization": "Bearer chief"}
            )
            return [worker[f"takes{role}"] for worker in answer.json()]

        async def all_take() -> bool:
            return await taking("Publishers") == [True] * WORKERS

        async def none_takes() -> bool:
            return await taking("Publishers") == await taking("Viewers") == [False] * WORKERS

        assert await all_take()
        card.fill(0.95)
        await eventually("the card is full", none_takes, IN_TIME, every=TRAFFIC_SECONDS)
        card.fill(0.3)
        await eventually("there is room again", all_take, IN_TIME, every=TRAFFIC_SECONDS)
