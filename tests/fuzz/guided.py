"""Let coverage guide the inputs, by Atheris: `python -m tests.fuzz.guided [--seconds 60] [--keep] [NAME]`.

It begins with what was kept (`kept.py`), and with what earlier runs found (test-artifacts/corpus). An input
that breaks a promise ends it, with its target and its bytes. `--keep` keeps inputs that reach code which
neither the target's seeds nor the kept ones reach.
"""

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.kept import keep, kept, slug

CORPUS = Path("test-artifacts/corpus")
INPUT_SECONDS = 5  # that one input may take
MOST_BYTES = 4096  # of an input, but for targets whose seeds are longer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target (%(default)s)")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # in a process of its own: libFuzzer ends with it
    parser.add_argument("names", nargs="*", help="words of the targets' names; all if there is none")
    arguments = parser.parse_args()
    if arguments.one:
        _guide(arguments.one, arguments.names)
    from tests.fuzz.run import TARGETS

    for target in TARGETS:
        if arguments.names and not any(name in target.name for name in arguments.names):
            continue
        found = CORPUS / slug(target.name)
        found.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            begin = Path(folder)
            for number, seed in enumerate([*target.seeds, *kept(target.name)]):
                (begin / str(number)).write_bytes(seed)
            longest = max(MOST_BYTES, *map(len, target.seeds))
            limits = (
                f"-max_total_time={arguments.seconds}",
                f"-timeout={INPUT_SECONDS}",
                f"-max_len={longest}",
            )
            told = _run(target.name, f"-artifact_prefix={found}-broken-", *limits, str(found), folder)
            states = re.findall(r"^#(\d+)\s+\w+\s+cov: (\d+) ft: \d+ corp: (\d+)", told, re.MULTILINE)
            inputs, reached, count = states[-1] if states else ("0", "0", "0")
            print(f"{target.name}: {inputs} inputs, {reached} places reached, {count} found", flush=True)
            if arguments.keep:
                before = {*begin.iterdir()}
                _run(target.name, "-merge=1", "-use_counters=0", "-use_cmp=0", folder, str(found))
                keep(target.name, [path.read_bytes() for path in {*begin.iterdir()} - before])


def _run(name: str, *arguments: str) -> str:
    command = [sys.executable, "-m", __spec__.name, "--one", name, "--", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stderr


def _guide(name: str, arguments: list[str]) -> None:
    import atheris  # type: ignore[import-not-found]  # not among what the tests need: make guided-fuzz

    with atheris.instrument_imports(include=["media", "shared", "control"]):
        from tests.fuzz.run import TARGETS

    [target] = [each for each in TARGETS if each.name == name]
    # libFuzzer merges in processes that it starts by this name, and a shell
    itself = shlex.join([sys.executable, "-m", __spec__.name, "--one", name, "--"])
    with target.begin() as take:
        atheris.Setup([itself, *arguments], take)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
