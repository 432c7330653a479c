"""A worker's event loop waits for nothing outside the process: no file, no name, no program, no lock.

`LOOP_WATCH=FOLDER pytest ...` looks at the same in every process that other tests start.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.integration.cluster.stage import ADMIN, ROOM, running_stage
from tests.support.loop_watch import findings
from tests.support.peer import IN_TIME
from tests.support.waiting import eventually

WAITS = """
import asyncio, concurrent.futures.thread, pathlib, sys, threading, time
from tests.support.loop_watch import watch
report = pathlib.Path(sys.argv[1])
watch(report)
held = threading.Lock()
held.acquire()
def release():
    while not report.stat().st_size: time.sleep(0.01)
    held.release()
async def main():
    await asyncio.to_thread(time.sleep, 0.2)  # in a thread of its own: no finding
    threading.Thread(target=release).start()
    held.acquire()  # until it is told: no audit event tells of a lock
    pathlib.Path("/etc/hostname").exists()  # nor of this, which is over at once
    open("/etc/passwd").close()
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline: pass  # it works, and does not wait
asyncio.run(main())
"""
# before a worker has sessions, and after the last one
STARTS_OR_ENDS = ("worker.py:", "__init__"), ("heartbeat.py:", "_leave")


def test_the_watch_names_what_a_loop_waits_for(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WAITS, tmp_path / "report"], check=True, timeout=30)
    found = findings(tmp_path / "report")
    assert [finding["call"] for finding in found] == ["stands", "open ('/etc/passwd',)"]
    assert [finding["stack"][0] for finding in found] == ["<string>:14 main", "<string>:16 main"]


async def test_the_loop_of_a_worker_waits_for_nothing(redis_url: str, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    settings = {"RECORD_ENABLED": "1", "RECORD_DIR": str(tmp_path / "records"), "LOOP_WATCH": str(reports)}
    async with running_stage(redis_url, workers=2, **settings) as stage:
        await stage.publish(0)
        viewers = [await stage.play(0), await stage.play(1, origin=0)]
        await stage.all_receive(*viewers)
        await asyncio.gather(*(stage.system.http.get(f"{each.url}/metrics") for each in stage.system.workers))
        await stage.stop(viewers[0])
        api = f"{stage.system.controls[0].url}/api"
        for method, path in (
            ("GET", "records"),
            ("GET", f"rooms/{ROOM}"),
            ("POST", f"admin/rooms/{ROOM}/close"),
            ("POST", f"admin/workers/{stage.worker(1).name}/drain"),
        ):
            body = {"block": 3600} if path.endswith("close") else None
            answer = await stage.system.http.request(method, f"{api}/{path}", headers=ADMIN, json=body)
            assert answer.is_success, (path, answer.text)
        recorded = lambda: list((tmp_path / "records").glob("*.*"))  # noqa: E731
        await eventually("something was recorded", recorded, IN_TIME)
        found = [
            finding
            for worker in stage.system.workers
            for finding in findings(reports / str(worker.pid))
            if not any(
                file in place and place.endswith(name)
                for place in finding["stack"]
                for file, name in STARTS_OR_ENDS
            )
        ]
        assert found == []
