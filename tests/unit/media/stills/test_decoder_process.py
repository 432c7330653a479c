"""The decoder process: what it may do, and that nothing it does holds up the worker."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from media.stills.decoder_process import DecoderDiedError, DecoderProcess
from media.stills.job import Keyframe
from media.stills.sandbox import MAX_MEMORY_BYTES, NICE
from shared.messages.stills import WIDTHS
from tests.support.planted import plant, was_run
from tests.support.still_room import keyframe_payloads

GOOD = Keyframe("VP8", list(keyframe_payloads("VP8")))
READS = "import sys; sys.stdin.buffer.read(8);"
SAYS = READS + "say = lambda what: (sys.stdout.buffer.write(what), sys.stdout.flush(), sys.stdin.read());"


@pytest.fixture
async def process() -> AsyncIterator[DecoderProcess]:
    process = DecoderProcess()
    yield process
    await process.close()
    assert process.pid is None


async def test_it_makes_pictures_one_after_another_in_one_process(process: DecoderProcess) -> None:
    outcome = await process.outcome(GOOD)
    assert outcome.pictures.keys() == set(WIDTHS)
    assert outcome.cpu_seconds > 0
    pid = process.pid
    assert (await process.outcome(Keyframe("VP8", [b"\x10\x00"]))).error
    assert (await process.outcome(GOOD)).pictures
    assert process.pid == pid


async def test_it_takes_no_modules_from_the_folder_of_recordings(
    process: DecoderProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert (await process.outcome(GOOD)).pictures
    assert not was_run(tmp_path)


async def test_what_it_says_of_its_cost_is_all_that_it_takes(process: DecoderProcess) -> None:
    """Reading a keyframe and answering count as well: the budget of all rooms is one of the whole process."""
    large = Keyframe("VP8", [*GOOD.payloads, *[bytes(60_000)] * 60])
    await process.outcome(large)
    own = psutil.Process(process.pid)
    before = sum(own.cpu_times()[:4])  # its children's, too
    told = sum([(await process.outcome(large)).cpu_seconds for _ in range(30)])
    taken = sum(own.cpu_times()[:4]) - before
    assert told == pytest.approx(taken, rel=0.1, abs=0.03)  # the kernel counts in hundredths of a second


async def test_it_yields_to_media_and_knows_no_secret(
    process: DecoderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@somewhere")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    await process.outcome(GOOD)
    assert process.pid is not None
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(19, own + NICE)
    assert b"secret" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    limits = psutil.Process(process.pid).rlimit(psutil.RLIMIT_AS)
    assert limits == (MAX_MEMORY_BYTES,) * 2


async def test_one_that_was_killed_is_replaced(process: DecoderProcess) -> None:
    await process.outcome(GOOD)
    assert process._process is not None
    os.kill(process._process.pid, signal.SIGSEGV)
    process._process.wait()
    with pytest.raises(DecoderDiedError):
        await process.outcome(GOOD)
    assert (await process.outcome(GOOD)).pictures


@pytest.mark.parametrize(
    "does",
    [
        f"{READS} import time; time.sleep(60)",
        f"{READS} print('no length and no outcome')",
        f"{SAYS} say(bytes(8) + b'\\xff\\xff\\xff\\xff' + bytes(99))",
        f"{SAYS} say(bytes(8) + b'\\0\\0\\0\\1\\xc0')",
        f"{SAYS} say(b'\\x7f\\xf8' + bytes(6) + b'\\0\\0\\0\\3\\x92\\0\\x80')",  # its cost is no number
        "pass",
        "import time; time.sleep(60)",
    ],
)
async def test_one_that_was_taken_over_is_ended(does: str) -> None:
    process = DecoderProcess((sys.executable, "-c", does), patience=1.0)
    with pytest.raises(DecoderDiedError):
        await process.outcome(Keyframe("VP8", [bytes(1000)] * 2000))
    assert process.pid is None
    assert not [each for each in psutil.Process().children() if does in each.cmdline()]


async def test_one_that_cannot_be_started_is_an_expected_failure() -> None:
    with pytest.raises(DecoderDiedError):
        await DecoderProcess(("/nowhere/python",)).outcome(GOOD)


async def test_a_keyframe_that_never_ends_is_ended_by_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    loops = (
        "import media.stills.decoder as d; d.MAX_CPU_SECONDS = 0.2;"
        "d.still_pictures = lambda keyframe: [0 for _ in iter(int, 1)]; d.main()"
    )
    process = DecoderProcess((sys.executable, "-c", loops), patience=30.0)
    with pytest.raises(DecoderDiedError):
        await process.outcome(GOOD)
