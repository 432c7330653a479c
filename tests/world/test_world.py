"""Simulated worlds: control, workers and Redis on one clock, and whatever a seed lets befall them."""

import subprocess
import sys

import pytest

SEEDS, MANY_SEEDS = 12, 10_000
AT_ONCE = 1_000  # seeds of one process
FIND_WITHIN = 300  # seeds
FOUND = {  # without a mend -> a part of what a seed says
    "numbers": "counted as lost",
    "epoch": "",
    "probe": "got 404 for",
    "unreached": "named as reached",
    "memory": "named as reached",
    "since": "another worker took",
}


def worlds(first: int, end: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.world", str(first), str(end), *options]
    return subprocess.run(command, capture_output=True, text=True)


def test_whatever_befalls_a_cluster_it_keeps_its_promises() -> None:
    done = worlds(0, SEEDS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_seed_tells_one_story() -> None:
    """Whatever ran before it, in whatever process."""
    alone = worlds(5, 6, "--story").stdout
    assert alone.count("\n") > 20
    assert worlds(4, 6, "--story").stdout.endswith(alone.partition("1 seeds")[0] + "2 seeds, 0 broken\n")


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, MANY_SEEDS, AT_ONCE))
def test_ten_thousand_seeds_find_nothing(first: int) -> None:
    done = worlds(first, first + AT_ONCE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.soak
@pytest.mark.parametrize("mend", FOUND)
def test_a_fault_whose_mend_is_taken_out_is_found(mend: str) -> None:
    done = worlds(0, FIND_WITHIN, "--without", mend)
    assert done.returncode == 1, f"no seed below {FIND_WITHIN} finds it"
    assert FOUND[mend] in done.stdout
