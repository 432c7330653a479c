"""Give each target so many inputs: `python -m tests.fuzz [--inputs 100000] [--seed 1] [NAME ...]`.

An input that breaks a promise ends it, with its target, its number and its bytes.
"""

import argparse
import time

from tests.fuzz.run import TARGETS, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="of each target (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    parser.add_argument("names", nargs="*", help="words of the targets' names; all if there is none")
    arguments = parser.parse_args()
    for target in TARGETS:
        if arguments.names and not any(name in target.name for name in arguments.names):
            continue
        began = time.monotonic()
        run(target, arguments.inputs, arguments.seed)
        print(f"{target.name}: {arguments.inputs} inputs, {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
