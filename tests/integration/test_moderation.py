"""What operators forbid holds on every replica and every worker, at once."""

import asyncio
import json
import time
from pathlib import Path

from tests.integration.moderated import ask, block, moderated, status_of, token
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.system import System
from tests.support.waiting import eventually


class Retrying:
    """A publisher like OBS: whatever it is answered, it tries again soon."""

    def __init__(self, system: System, room: str, control: int, every: float) -> None:
        self.answers: list[tuple[float, float, int]] = []  # when it was sent and answered, and the status
        self._system, self._room, self._control, self._every = system, room, control, every
        self._token = token(sub=f"obs{control}")

    async def run(self) -> None:
        url = self._system.whip(self._room, self._control)
        while True:
            sent = time.monotonic()
            answer = await post_offer(self._system.http, url, PUBLISH_OFFER, self._token)
            self.answers.append((sent, time.monotonic(), answer.status_code))
            await asyncio.sleep(self._every)

    def statuses(self, since: float, until: float) -> set[int]:
        return {status for sent, answered, status in self.answers if since <= sent and answered <= until}


async def test_nobody_gets_into_a_blocked_room_until_it_is_lifted(redis_url: str) -> None:
    async with moderated(redis_url) as system:
        obs = [Retrying(system, "demo", control, every=0.05) for control in (0, 1)]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one.run()) for one in obs]
            await eventually("one got in", lambda: any(201 in one.statuses(0, 1e12) for one in obs), 5)
            blocked = await block(system, "demo", reason="a copyright claim")
            before = [len(one.answers) for one in obs]
            await eventually(
                "both have tried ten times",
                lambda: all(len(one.answers) >= many + 10 for one, many in zip(obs, before, strict=True)),
                10,
            )
            refused = time.monotonic()
            for one in obs:
                # 503: on a busy host a call took too long, which lets nobody in either
                assert {403} <= one.statuses(blocked, refused) <= {403, 503}
            assert (await ask(system, "DELETE", "blocks/demo", control=1)).status_code == 200
            await eventually(
                "one gets in again", lambda: any(201 in one.statuses(refused, 1e12) for one in obs), 5
            )
            for task in running:
                task.cancel()


async def test_each_act_of_an_operator_has_a_line_in_the_audit_log(redis_url: str) -> None:
    async with moderated(redis_url, LOG_LEVEL="ERROR") as system:
        chief = {"Authorization": f"Bearer {token(role='admin', sub='ann', jti='a1')}"}
        assert await status_of(system, "demo") == 201
        body = {"block": 5, "reason": "why"}
        await ask(system, "POST", "rooms/demo/close", json=body, headers=chief)
        await ask(system, "DELETE", "blocks/demo")
        await ask(system, "POST", "revocations", json={"jti": "a1"})
        await ask(system, "DELETE", "revocations/nothing")  # fails: no line
        refused = await ask(system, "POST", "rooms/demo/close", headers=chief)
        assert refused.status_code == 401
        lines = audited(system.controls[0].log)
        assert [(line["act"], line["by"]) for line in lines] == [
            ("room.block", "JWT sub='ann' jti='a1'"),
            ("room.unblock", "admin token"),
            ("jwt.revoke", "admin token"),
        ]
        assert lines[0] | {"until": 0, "request_id": "", "timestamp": ""} == {
            "event": "audit",
            "level": "info",
            "plane": "control",
            "act": "room.block",
            "by": "JWT sub='ann' jti='a1'",
            "client": "127.0.0.1",
            "room": "demo",
            "sessions": 1,
            "unreached": [],
            "reason": "why",
            "until": 0,
            "request_id": "",
            "timestamp": "",
        }


def audited(log: Path) -> list[dict[str, object]]:
    lines = (json.loads(line) for line in log.read_text().splitlines())
    return [line for line in lines if line["event"] == "audit"]
