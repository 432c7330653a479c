"""The process that reads recordings: what it may do, and that no file holds up the worker for long."""

import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from media.details.contents import NOTHING, Contents
from media.details.reader_process import ReaderGoneError, ReaderProcess
from media.stills.sandbox import MAX_MEMORY_BYTES, NICE
from tests.support.encoded import encode
from tests.support.planted import plant, was_run

GOOD = (
    "import sys, media.details.contents as c; from shared.messages.encoding import encode;"
    "sys.stdout.buffer.write(encode(c.Contents(%s)))"
)


def asked(code: str, tmp_path: Path, patience: float = 30.0) -> Contents:
    path = tmp_path / "demo_1.webm"
    path.write_bytes(b"x" * 100)
    with path.open("rb") as file:
        return ReaderProcess((sys.executable, "-c", code), patience).contents(
            file, "webm", with_pictures=True
        )


def test_it_gets_the_file_and_the_suffix_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@somewhere")
    code = (
        "import os, sys; assert 'REDIS_URL' not in os.environ; assert sys.argv[1:] == ['webm', '1', '1'];"
        "size = len(sys.stdin.buffer.read());" + GOOD % "float(size), 640, 360, {}"
    )
    assert asked(code, tmp_path) == Contents(100.0, 640, 360, {})


def test_it_takes_no_modules_from_the_folder_of_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path)
    frame = encode("VP8", frames=3, gop=3)[0].data
    header = struct.pack("<4sHH4sHHIIQ", b"DKIF", 0, 32, b"VP80", 320, 240, 30, 1, 1)
    path = tmp_path / "demo_video0_1.ivf"
    path.write_bytes(header + struct.pack("<IQ", len(frame), 0) + frame)
    monkeypatch.chdir(tmp_path)
    with path.open("rb") as file:
        contents = ReaderProcess().contents(file, "ivf", with_pictures=False)
    assert (contents.width, contents.height) == (320, 240)
    assert not was_run(tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "raise SystemExit(1)",
        "print('no contents')",
        "import sys; sys.stdout.buffer.write(bytes(50_000_000))",
        GOOD % "float('nan'), 1, 1, {}",
        GOOD % "-1.0, 1, 1, {}",
        GOOD % "1.0, 70_000, 1, {}",
        GOOD % "1.0, 1, 1, {320: b'only one'}",
        GOOD % "1.0, 1, 1, {320: b'x', 640: bytes(300_000)}",
    ],
)
def test_one_that_breaks_or_is_taken_over_says_nothing(code: str, tmp_path: Path) -> None:
    assert asked(code, tmp_path) == NOTHING


def test_one_that_never_ends_is_ended_and_the_file_is_not_to_blame(tmp_path: Path) -> None:
    with pytest.raises(ReaderGoneError):
        asked("import time; time.sleep(60)", tmp_path, patience=1.0)
    with pytest.raises(ReaderGoneError):  # nor if it closes its output and stays
        asked("import os, time; os.close(1); time.sleep(60)", tmp_path)
    assert not [child for child in psutil.Process().children() if "time.sleep(60)" in str(child.cmdline())]


def test_a_worker_that_stops_does_not_wait_for_it(tmp_path: Path) -> None:
    process = ReaderProcess((sys.executable, "-c", "import time; time.sleep(60)"))
    raised: list[Exception] = []

    def ask() -> None:
        try:
            with (tmp_path / "demo_1.webm").open("wb+") as file:
                process.contents(file, "webm", with_pictures=True)
        except ReaderGoneError as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not psutil.Process().children():
        time.sleep(0.01)
    process.stop()
    thread.join(10)
    assert len(raised) == 1
    ask()  # and no other one starts
    assert len(raised) == 2


def test_one_that_cannot_be_started_is_an_error_of_the_system(tmp_path: Path) -> None:
    path = tmp_path / "demo_1.webm"
    path.touch()
    with path.open("rb") as file, pytest.raises(OSError, match="No such file"):
        ReaderProcess(("/nowhere/python",)).contents(file, "webm", with_pictures=True)


def test_a_file_that_takes_too_much_cpu_is_given_up_by_the_kernel(tmp_path: Path) -> None:
    code = (
        "import media.details.reader as r; r.MAX_CPU_SECONDS = 1;"
        "r.answer = lambda *_, **how: [0 for _ in iter(int, 1)]; r.main()"
    )
    assert asked(code, tmp_path) == NOTHING


def test_it_yields_to_media_and_its_memory_is_limited() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    code = (
        "import os, resource, media.details.reader as r; r.confine = lambda *_: None;"
        "r.answer = lambda *_, **how:"
        "b'%d %d' % (os.getpriority(os.PRIO_PROCESS, 0), resource.getrlimit(resource.RLIMIT_AS)[1]); r.main()"
    )
    command = [sys.executable, "-c", code, "webm", "1", "1"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(min(19, own + NICE)), str(MAX_MEMORY_BYTES)]
