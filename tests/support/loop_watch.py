"""Names each call by which an event loop waits for something outside its process, from within that process.

Two ways to see one. Python tells of each file, name and process that is asked for (its audit events), also
when the answer came at once: with another disk or name server it would not. And a thread looks whether the
loop's thread sleeps in one call for longer than `STANDS_SECONDS`; that costs too much for a worker in use,
whose delays `roomcast_event_loop_lag_seconds` tells. A thread that waits for a core does not sleep: so a busy
machine is no finding.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

STANDS_SECONDS = 0.05
LOOK_SECONDS = 0.01
_MAY_BLOCK = ("open", "import", "glob.glob", "subprocess.Popen", "time.sleep", "socket.getaddrinfo")
_MAY_BLOCK_IN = ("os.", "fcntl.flock", "fcntl.lockf", "shutil.", "tempfile.", "socket.gethostby", "sqlite3.")
_NEVER_BLOCK = ("os.putenv", "os.unsetenv", "os.kill", "os.add_dll_directory")
# While a loop waits for what comes next, the innermost frame of Python is in one of these.
_LOOPS = ("asyncio/runners.py", "uvloop/__init__.py", "selectors.py", "asyncio/base_events.py")


def watch(report: Path) -> None:
    """Watch the loop that the main thread will run. Each finding is a line of JSON in `report`."""
    watched = _Watched(os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    sys.addaudithook(watched.heard)
    threading.Thread(target=watched.look, name="loop watch", daemon=True).start()


def findings(report: Path) -> list[dict[str, Any]]:
    """What was found, each with the `call` and the `stack` that led to it, innermost first."""
    return [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]


class _Watched:
    def __init__(self, report: int) -> None:
        self._report = report
        self._thread = threading.main_thread()
        self._told: set[str] = set()

    def heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in _NEVER_BLOCK or not (event in _MAY_BLOCK or event.startswith(_MAY_BLOCK_IN)):
            return
        if threading.get_ident() == self._thread.ident and asyncio._get_running_loop() is not None:
            self._tell(f"{event} {str(arguments[:1])[:200]}", sys._getframe(1))

    def look(self) -> None:
        state = Path(f"/proc/self/task/{self._thread.native_id}/stat")
        call: tuple[int, int] | None = None
        since = time.monotonic()
        while True:
            time.sleep(LOOK_SECONDS)
            frame = sys._current_frames().get(self._thread.ident or 0)
            sleeps = state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] in "SD"
            if frame is None or not sleeps or frame.f_code.co_filename.endswith(_LOOPS):
                call = None
            elif call != (now := (id(frame), frame.f_lasti)):
                call, since = now, time.monotonic()
            elif time.monotonic() - since >= STANDS_SECONDS:
                self._tell("stands", frame)

    def _tell(self, call: str, frame: FrameType) -> None:
        stack = list(_places(frame))
        finding = json.dumps({"call": call, "stack": stack})
        key = json.dumps([call.split()[0], stack])
        if key not in self._told:
            self._told.add(key)
            os.write(self._report, finding.encode() + b"\n")


def _places(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        code = frame.f_code
        yield f"{'/'.join(code.co_filename.split('/')[-3:])}:{frame.f_lineno} {code.co_name}"
        frame = frame.f_back
