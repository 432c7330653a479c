"""Runs simulated worlds: `python -m tests.world 0 100` for the seeds from 0 to 99.

A seed that finds a fault tells its story; with `--story`, all do. `--without MEND` takes a mend out, and
ends at the first seed that finds the fault (see `mends.py`).
"""

import argparse
import os
import sys

from tests.world import clock

if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is of the seed, too
    os.execve(
        sys.executable,
        [sys.executable, "-m", "tests.world", *sys.argv[1:]],
        {**os.environ, "PYTHONHASHSEED": "0"},
    )

clock.begin()

from tests.world.mends import MENDS  # noqa: E402
from tests.world.world import run_seed  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("end", type=int)
    parser.add_argument("--story", action="store_true")
    parser.add_argument("--without", choices=MENDS)
    asked = parser.parse_args()
    if asked.without:
        MENDS[asked.without]()
    broken = 0
    for seed in range(asked.first, asked.end):
        outcome = run_seed(seed)
        if outcome.broken or asked.story:
            print(*outcome.story, sep="\n")
        if outcome.broken:
            broken += 1
            print(f"seed {seed}: {outcome.broken}\n")
            if asked.without:
                break
    print(f"{seed + 1 - asked.first} seeds, {broken} broken")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
