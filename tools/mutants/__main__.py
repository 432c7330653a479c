"""Put small mistakes into the code, one at a time, and see which of them no test notices: `make mutants`.

A mutant is tried by the tests that reach its line, the quickest first. What was tried is remembered in
build/mutants, and those that no test noticed are tried again. It needs Python 3.12 (`sys.monitoring`).
"""

import argparse
import ast
import importlib
import json
import os
import re
import shutil
import sys
import time
import tomllib
from collections import Counter
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import pytest

from tools.mutants.mutations import Mutant, mutants
from tools.mutants.reached import Reached
from tools.mutants.trial import OURS, Changed, Killer, changed_functions, in_child, on_disk, run_tests, swap

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build/mutants"
LISTS = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text(encoding="utf-8"))
_LONGEST_TEST = 15.0  # seconds: the other tests try no mutants
_MOST_SECONDS = 20.0  # of the tests that try one mutant
_NO_MUTANT_EACH = 10  # mutants: then the same tests run without one, to see what fails by itself
_CHANGE = re.compile(r"\{([^{}]*) -> ([^{}]*)\}")  # in the list of equivalent mutants
_CPU, _WALL = 60.0, 180.0  # seconds: more is a mutant that hangs


@dataclass
class Folder:
    name: str
    root: Path  # a copy of all code, in which files change
    tests: dict[str, float] = field(default_factory=dict)  # -> seconds
    reached: dict[tuple[str, int], set[str]] = field(default_factory=dict)

    def files(self) -> list[str]:
        paths = [p for kind in ("py", "lua") for p in sorted((self.root / self.name).glob(f"*.{kind}"))]
        return [str(path.relative_to(self.root)) for path in paths]

    def try_tests(self) -> None:
        """Run them without a mutant, a file at a time, and note what each test reaches."""
        nearest = [f"tests/{name}.py" for name in LISTS["tests"].get(self.name, [])]
        own = sorted(str(path) for path in Path(f"tests/unit/{self.name}").glob("test_*.py"))
        for file in [*own, *nearest]:
            found = in_child(lambda file=file: self._reach(file), 300, 900)
            if found is None:
                sys.exit(f"{file} does not end")
            seconds, failed, reached, modules = found
            left = {test for test, took in seconds.items() if took > _LONGEST_TEST or test in failed}
            for test in left:
                why = "fails" if test in failed else "takes long"
                print(f"  left out, since it {why}: {test}", flush=True)
            self.tests |= {test: took for test, took in seconds.items() if test not in left}
            for line, tests in reached.items():
                self.reached.setdefault(line, set()).update(tests - left)
            for module in modules:
                with suppress(Exception):
                    importlib.import_module(module)
        print(f"{self.name}: {len(self.tests)} tests in {sum(self.tests.values()):.0f} s", flush=True)

    def _reach(self, file: str) -> object:
        plugin = Reached((f"{self.root / self.name}/",))
        run_tests([file], plugin, at_once=False)
        others = [m for m in sys.modules if m.partition(".")[0] not in OURS and not m.startswith("_pytest")]
        return plugin.seconds, plugin.failed, dict(plugin.tests), others

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The quickest first."""
        file = str(self.root / mutant.path)
        text = (self.root / mutant.path).read_text(encoding="utf-8")
        if mutant.path.endswith(".lua"):
            found = set(self.tests)
        else:
            lines = _reaching_lines(text, mutant.first, mutant.last)
            found = {
                test
                for (path, line), tests in self.reached.items()
                if path == file and (lines is None or line in lines)
                for test in tests
            }
        quickest = sorted(found, key=lambda test: self.tests[test])
        until = [*accumulate(self.tests[test] for test in quickest)]
        return [test for test, seconds in zip(quickest, until, strict=True) if seconds <= _MOST_SECONDS]


def _reaching_lines(code: str, first: int, last: int) -> set[int] | None:
    """The lines by which a test reaches the statement at `first` to `last`; None: each of the file's."""
    spans = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in (n for statement in node.body for n in ast.walk(statement)):
                if isinstance(inner, ast.stmt | ast.ExceptHandler):
                    body = getattr(inner, "body", None)
                    end = body[0].lineno - 1 if body else inner.end_lineno or inner.lineno
                    spans.append((inner.lineno, max(end, inner.lineno)))
    inside = [span for span in spans if span[0] <= first <= span[1]]
    if inside:
        begin, end = min(inside, key=lambda span: span[1] - span[0])
        return set(range(begin, max(end, last) + 1))
    return None


def _is_equivalent(mutant: Mutant) -> bool:
    return any(
        (_CHANGE.sub(r"\1", line), _CHANGE.sub(r"\2", line)) == (mutant.before, mutant.after)
        for line in LISTS["equivalent"].get(mutant.path, [])
    )


def judge(folder: Folder, mutant: Mutant | None, tests: list[str], changed: Changed | None) -> str:
    """The test that notices the mutant; empty: none does."""
    longest = sum(folder.tests[test] for test in tests)

    def work() -> str:
        if mutant and changed:
            swap(folder.root / mutant.path, changed)
        killer = Killer()
        code = run_tests(tests, killer)
        if code == pytest.ExitCode.USAGE_ERROR:
            raise LookupError(f"one of these is not found by its name: {tests}")
        return killer.name or ("" if code == pytest.ExitCode.OK else f"pytest: {code}")

    try:
        found = in_child(work, _CPU + 3 * longest, _WALL + 5 * longest)
    except (BaseExceptionGroup, Warning):  # by pytest at its end: sockets, for one, that nobody closed
        return "something is left behind"
    return "too slow, or died" if found is None else str(found)


class Book:
    """What was tried, and the test that noticed it."""

    def __init__(self, folder: str) -> None:
        self._path = BUILD / f"{folder.replace('/', '.')}.jsonl"

    def noticed(self) -> set[str]:
        if not self._path.exists():
            return set()
        entries = [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]
        return {entry["mutant"] for entry in entries if entry["by"]}

    def write(self, mutant: Mutant, tests: int, by: str) -> None:
        entry = {"mutant": mutant.name, "line": mutant.first, "by": by, "tests": tests, "at": time.time()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def run(folder: Folder, share: float, seed: str, again: bool) -> Counter[str]:
    book = Book(folder.name)
    noticed = set() if again else book.noticed()
    score: Counter[str] = Counter()
    todo: list[Mutant] = []
    for mutant in (m for path in folder.files() for m in mutants(folder.root, path, share, seed)):
        if _is_equivalent(mutant):
            score["equivalent"] += 1
        elif mutant.name in noticed:
            score["noticed"] += 1
        else:
            todo.append(mutant)
    print(f"{folder.name}: {len(todo)} mutants to try, of {score.total() + len(todo)}", flush=True)
    if todo:
        folder.try_tests()
        _try_each(folder, todo, book, score)
    return score


def _try_each(folder: Folder, todo: list[Mutant], book: Book, score: Counter[str]) -> None:
    plans: list[tuple[Mutant, Changed | None]] = []
    for mutant in todo:
        path = folder.root / mutant.path
        is_python = path.suffix == ".py"
        old = path.read_text(encoding="utf-8")
        plans.append((mutant, changed_functions(path, old, mutant.code) if is_python else None))
    plans.sort(key=lambda plan: plan[1] is not None)  # those first that need our modules not yet imported
    imported = False
    for number, (mutant, changed) in enumerate(plans, 1):
        tests = folder.tests_of(mutant)
        if changed and not imported:
            with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
                run_tests(["--collect-only", *folder.tests])
            for file in (path for path in folder.files() if path.endswith(".py")):
                name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                importlib.import_module(name)
            imported = True
        if number % _NO_MUTANT_EACH == 0 and tests:
            score["runs without a mutant"] += 1
            score["of which failed"] += bool(judge(folder, None, tests, None))
        try:
            with on_disk(folder.root / mutant.path, mutant.code):
                by = judge(folder, mutant, tests, changed) if tests else ""
        except (LookupError, ValueError) as error:  # a function that lives on as something else
            print(f"  cannot be tried: {mutant.name}: {error}", flush=True)
            continue
        book.write(mutant, len(tests), by)
        score["noticed" if by else "not noticed"] += 1
        if not by:
            reached = "" if tests else "   (no test reaches it)"
            print(f"  {mutant.path}:{mutant.first}: {mutant.before}  ->  {mutant.after}{reached}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("folders", nargs="*", default=LISTS["folders"])
    parser.add_argument("--share", type=float, default=1.0, help="of all mutants")
    parser.add_argument("--seed", default="1", help="which ones, if not all")
    parser.add_argument("--again", action="store_true", help="try those, too, that a test has noticed before")
    options = parser.parse_args()
    for name in options.folders:
        root = BUILD / name.replace("/", ".")
        shutil.rmtree(root, ignore_errors=True)
        for part in (*OURS, "docs", "requirements"):
            shutil.copytree(ROOT / part, root / part)
        for file in (*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"):
            shutil.copy2(file, root)
        os.chdir(root)
        sys.path[0] = os.environ["PYTHONPATH"] = str(root)
        os.environ["PATIENCE"] = "0.2"
        child = os.fork()  # the next folder's modules are others
        if child:
            os.waitpid(child, 0)
            continue
        score = run(Folder(name, root), options.share, options.seed, options.again)
        tried = score["noticed"] + score["not noticed"]
        print(
            f"{name}: {score['noticed']} of {tried} noticed ({score['noticed'] / max(tried, 1):.0%}),"
            f" {score['equivalent']} equivalent; of {score['runs without a mutant']} runs without a mutant"
            f" {score['of which failed']} failed; share {options.share}, seed {options.seed}",
            flush=True,
        )
        os._exit(0)


if __name__ == "__main__":
    main()
