"""One worker serves IPv4 and IPv6 at once, by default, and without IPv6 it serves IPv4."""

from pathlib import Path

import pytest

from tests.integration.worker.stage import IN_TIME, Worker, running
from tests.support.loopback import LOOPBACKS
from tests.support.peer import Peer
from tests.support.sdp import candidates_of
from tests.support.waiting import eventually

VIEWERS = 3  # of each family


@pytest.mark.parametrize("host", ["", "[::]"])
async def test_viewers_of_both_families_watch_one_room_at_once(
    redis_url: str, tmp_path: Path, host: str
) -> None:
    async with running(redis_url, tmp_path, MEDIA_ADDR=f"{host}:0") as worker:
        publisher = Peer(publishes=True)
        await publisher.connect((await worker.publish(publisher)).sdp)
        viewers = [await viewer_at(at, worker) for at in LOOPBACKS * VIEWERS]
        for viewer in viewers:
            await viewer.gets_media_of(publisher)

        # byte for byte, numbers and all: they share a wire profile
        last = viewers[-1].rtp[-1]
        await eventually("all have it", lambda: all(last in viewer.rtp for viewer in viewers), IN_TIME)
        for peer in (publisher, *viewers):
            peer.close()


async def viewer_at(host: str, worker: Worker) -> Peer:
    viewer = Peer(publishes=False, host=host)
    answer = (await worker.play(viewer)).sdp
    for protocol in ("udp", "tcp"):
        told = candidates_of(answer, protocol)
        assert len(told) == len(set(told))
        assert set(LOOPBACKS) <= {ip for ip, _ in told}
        assert len({port for _, port in told}) == 1
    return await viewer.connect(answer)
