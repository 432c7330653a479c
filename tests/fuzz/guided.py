"""Let coverage guide the inputs, by Atheris: `python -m tests.fuzz.guided [--seconds 60] [NAME ...]`.

Inputs that reach new code are kept in test-artifacts/corpus, and the next run begins with them. An input that
breaks a promise ends it, with its target and its bytes.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path("test-artifacts/corpus")
INPUT_SECONDS = 5  # that one input may take
MOST_BYTES = 4096  # of an input, but for targets whose seeds are longer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target (%(default)s)")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # in a process of its own: libFuzzer ends with it
    parser.add_argument("names", nargs="*", help="words of the targets' names; all if there is none")
    arguments = parser.parse_args()
    if arguments.one:
        _guide(arguments.one, arguments.seconds)
    from tests.fuzz.run import TARGETS

    for target in TARGETS:
        if arguments.names and not any(name in target.name for name in arguments.names):
            continue
        command = [sys.executable, "-m", __spec__.name, "--one", target.name]
        done = subprocess.run([*command, "--seconds", str(arguments.seconds)], capture_output=True, text=True)
        states = re.findall(r"^#(\d+)\s+\w+\s+cov: (\d+) ft: \d+ corp: (\d+)", done.stderr, re.MULTILINE)
        inputs, reached, kept = states[-1] if states else ("0", "0", "0")
        print(f"{target.name}: {inputs} inputs, {reached} places reached, {kept} kept", flush=True)
        if done.returncode:
            sys.exit(f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}")


def _guide(name: str, seconds: int) -> None:
    import atheris  # type: ignore[import-not-found]  # not among what the tests need: make guided-fuzz

    with atheris.instrument_imports(include=["media", "shared", "control"]):
        from tests.fuzz.run import TARGETS

    [target] = [each for each in TARGETS if each.name == name]
    kept = CORPUS / re.sub(r"\W+", "-", name)
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as seeds, target.begin() as take:
        for number, seed in enumerate(target.seeds):
            (Path(seeds) / str(number)).write_bytes(seed)
        longest = max(MOST_BYTES, *map(len, target.seeds))
        crash = f"-artifact_prefix={kept}-broken-"
        limits = (crash, f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS}", f"-max_len={longest}")
        atheris.Setup([sys.argv[0], *limits, str(kept), seeds], take)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
