"""`python -m tests.zoo`: stays behind the lines of the zoo, by seeds; and one tree against another.

`run` prints a row for each kind of stay and writes all to a file; `story` tells one by seconds; `compare`
says where two files differ, with bootstrap intervals; `numbers` says which numbers of `media/line` move
nothing. To judge another tree, copy `tests` there, and run it
with that tree's packages: `cd TREE && PYTHONPATH=$PWD python -m tests.zoo run FILE`.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import mean

from tests.support.many_lines import Receiver
from tests.zoo.lines import ZOO, named
from tests.zoo.sensitivity import tell as tell_numbers
from tests.zoo.stay import LAYERS, as_row, stay

BETTER_IF_HIGHER = frozenset(("frames", "layer", "kbit"))
TOLD = (
    "first",
    "top",
    "still",
    "stills",
    "frames",
    "layer",
    "concealed",
    "worst",
    "kbit",
    "padding",
    "keyframes",
)
RESAMPLES = 2_000

Stay = tuple[str, str, str, int]  # line, receiver, picture, seed


def one(what: Stay) -> tuple[Stay, dict[str, float], list[str]]:
    name, receiver, picture, seed = what
    line = named(name)
    figures, _ = stay(line, Receiver[receiver], picture, seed)
    return what, as_row(figures), figures.faults(line)


def run(stays: Iterable[Stay], processes: int) -> list[tuple[Stay, dict[str, float], list[str]]]:
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(one, stays, chunksize=4))


def tell(results: Sequence[tuple[Stay, dict[str, float], list[str]]]) -> None:
    """A row for each kind of stay: means over its seeds, and which limits of an audience it exceeds."""
    kinds: dict[tuple[str, str, str], list[tuple[dict[str, float], list[str]]]] = {}
    for (name, receiver, picture, _), row, faults in results:
        kinds.setdefault((name, receiver, picture), []).append((row, faults))
    print(f"{'':52}" + "".join(f"{name:>10}" for name in TOLD))
    for (name, receiver, picture), rows in kinds.items():
        means = "".join(f"{mean(row[figure] for row, _ in rows):10.3f}" for figure in TOLD)
        faults = [fault for _, found in rows for fault in found]
        counted = ", ".join(f"{fault} {faults.count(fault)}" for fault in sorted(set(faults)))
        print(f"{name:26}{receiver:>12}{picture:>10}{len(rows):4}{means}  {counted}")


def compare(before: str, after: str) -> None:
    """Where the second file differs from the first beyond chance: 95 % of bootstrapped means."""
    was, now = _read(before), _read(after)
    both = [each for each in was if each in now]
    for figure in TOLD:
        for kind in sorted({each[:3] for each in both}):
            of_kind = [each for each in both if each[:3] == kind]
            changes = [now[each][figure] - was[each][figure] for each in of_kind]
            least, most = interval(changes)
            if least <= 0 <= most:
                continue
            verdict = "better" if (most < 0) != (figure in BETTER_IF_HIGHER) else "worse"
            mean_before = mean(was[each][figure] for each in of_kind)
            name = " / ".join(kind)
            print(
                f"{figure:10} {name:50} {mean_before:8.3f} {mean(changes):+8.3f}"
                f" ({least:+.3f} to {most:+.3f}) {verdict}"
            )
        all_before, all_after = (mean(rows[each][figure] for each in both) for rows in (was, now))
        print(f"{figure:10} {'all':50} {all_before:8.3f} {all_after - all_before:+8.3f}")


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % of the means of resampled values."""
    chance = random.Random(1)
    means = sorted(mean(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return means[RESAMPLES // 40], means[-RESAMPLES // 40]


def _read(path: str) -> dict[Stay, dict[str, float]]:
    results = json.loads(Path(path).read_text())
    return {tuple(each): row for each, row, _ in results}  # type: ignore[misc]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.zoo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run")
    runs.add_argument("file")
    runs.add_argument("--seeds", type=int, default=5)
    runs.add_argument("--first-seed", type=int, default=1)
    runs.add_argument("--lines", nargs="*", default=[line.name for line in ZOO])
    runs.add_argument("--receivers", nargs="*", default=[each.name for each in Receiver])
    runs.add_argument("--pictures", nargs="*", default=list(LAYERS))
    runs.add_argument("--processes", type=int, default=1)
    story = commands.add_parser("story")
    story.add_argument("line")
    story.add_argument("receiver", nargs="?", default="ARRIVALS")
    story.add_argument("picture", nargs="?", default="layered")
    story.add_argument("seed", nargs="?", type=int, default=1)
    changed = commands.add_parser("numbers")
    changed.add_argument("--stays", type=int, default=48)
    changed.add_argument("--processes", type=int, default=1)
    both = commands.add_parser("compare")
    both.add_argument("before")
    both.add_argument("after")
    how = parser.parse_args()
    if how.command == "compare":
        compare(how.before, how.after)
    elif how.command == "numbers":
        tell_numbers(how.stays, how.processes)
    elif how.command == "story":
        figures, told = stay(named(how.line), Receiver[how.receiver], how.picture, how.seed)
        print(told, as_row(figures), figures.faults(named(how.line)), sep="\n")
    else:
        seeds = range(how.first_seed, how.first_seed + how.seeds)
        stays = [
            (line, receiver, picture, seed)
            for line in how.lines
            for receiver in how.receivers
            if not (named(line).download and receiver == Receiver.STREAM.name)  # the model has no TCP of ours
            for picture in how.pictures
            for seed in seeds
        ]
        results = run(stays, how.processes)
        Path(how.file).write_text(json.dumps(results))
        tell(results)


if __name__ == "__main__":
    sys.exit(main())
