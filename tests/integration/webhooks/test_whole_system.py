"""Webhooks of real workers, delivered by real control processes."""

from pathlib import Path

from tests.support.http_peer import Publisher, running
from tests.support.system import running_system
from tests.support.waiting import eventually
from tests.support.webhook_receiver import SECRET, WebhookReceiver

IN_TIME = 30.0


async def test_a_broadcast_from_its_start_over_an_absence_to_its_end_and_its_recordings(
    redis_url: str, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    settings = {
        "WEBHOOK_URLS": receiver.url,
        "WEBHOOK_SECRETS": SECRET,
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32",
        "RECORD_ENABLED": "1",
        "RECORD_DIR": str(tmp_path),
        "RECORD_FORMATS": "tracks",
    }

    def of_broadcast() -> list[str]:
        return [one for one in receiver.types("demo") if not one.startswith("recording.")]

    async with running_system(redis_url, **settings) as system:
        publisher = Publisher(system.http, lambda: system.whip("demo"))
        async with running(publisher):
            await eventually("it is told", lambda: of_broadcast() == ["room.started"], IN_TIME)
            await system.room_live("demo", IN_TIME)
            assert publisher.peer is not None
            publisher.peer.close()  # by DTLS; `Publisher` comes back
            back = ["room.started", "publisher.away", "publisher.back"]
            await eventually("it is back", lambda: of_broadcast() == back, IN_TIME)
        await eventually("it is over", lambda: "room.ended" in receiver.types("demo"), IN_TIME)
        await eventually("the file is ready", lambda: "recording.ready" in receiver.types("demo"), IN_TIME)
        assert receiver.of_room("demo")[-1].event["data"]["name"] in [
            file.name for file in tmp_path.iterdir()
        ]
        ended = next(one for one in receiver.of_room("demo") if one.type == "room.ended")
        assert ended.event["data"]["reason"] == "deleted"
        assert ended.event["data"]["number"] == 4
