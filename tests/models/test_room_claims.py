"""Who owns a room, by the model checker Spin: in all orders of events, not those that somebody thinks of."""

import re
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).with_name("room_claims.pml")

pytestmark = pytest.mark.soak  # it needs Spin and a C compiler


def errors(folder: Path, *defines: str) -> int:
    """How many of its errors the checker found; it stops at the first one."""
    subprocess.run(["spin", *defines, "-a", str(MODEL)], cwd=folder, check=True, capture_output=True)
    subprocess.run(["cc", "-w", "-O2", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True)
    checker = ["./pan", "-m100000", "-w20"]
    result = subprocess.run(checker, cwd=folder, check=True, capture_output=True, text=True)
    assert "max search depth too small" not in result.stdout
    found = re.search(r"errors: (\d+)", result.stdout)
    assert found, result.stdout
    return int(found[1])


def test_nobody_gets_a_room_that_another_worker_has_whatever_redis_loses(tmp_path: Path) -> None:
    assert errors(tmp_path) == 0


@pytest.mark.parametrize("ticks", [0, 1, 2, 3])
def test_they_would_if_claims_waited_for_less_than_a_claim_lives(tmp_path: Path, ticks: int) -> None:
    assert errors(tmp_path, f"-DHOLD={ticks}") == 1


@pytest.mark.parametrize("unsaid", ["SINCE", "HEARD", "LAST"])
def test_a_worker_back_from_a_pause_would_take_a_room_if_it_did_not_say_how_it_stands(
    tmp_path: Path, unsaid: str
) -> None:
    assert errors(tmp_path, f"-D{unsaid}=0") == 1
