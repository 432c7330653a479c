"""Measures a real system of ours; `relay`, the standard rows, when no command is given. Linux only.

Prints Markdown for docs/performance.md, below the machine, the commit and the load that it was measured at.
"""

import argparse
import os
import sys

import uvloop

from tests.support.free_ports import free_port
from tests.support.own_valkey import OwnValkey
from tools.bench.machine import machine
from tools.bench.scenarios import (
    joining,
    joins,
    layers,
    relay,
    resting,
    rooms,
    shapes,
    turns,
)

SCENARIOS = {
    "relay": relay,
    "rooms": rooms,
    "joins": joins,
    "joining": joining,
    "resting": resting,
    "shapes": shapes,
    "turns": turns,
    "layers": layers,
}


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    commands = parser.add_subparsers(dest="scenario", required=True)
    for name, scenario in SCENARIOS.items():
        assert scenario.__doc__
        first_line = scenario.__doc__.splitlines()[0]
        scenario.add_arguments(commands.add_parser(name, help=first_line, description=scenario.__doc__))
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help")):
        words = ["relay", *words]
    arguments = parser.parse_args(words)
    if getattr(arguments, "quick", False):
        arguments.windows, arguments.seconds = 1, 3.0
    return arguments


def main() -> None:
    arguments = parse(sys.argv[1:])
    valkey = OwnValkey(free_port())
    valkey.start()
    try:
        print(f"`{arguments.scenario}`, {machine()}.\n", flush=True)
        uvloop.run(SCENARIOS[arguments.scenario].run(valkey.url, arguments))
        print(f"\nLoad average at the end: {os.getloadavg()[0]:.1f}.")
    finally:
        valkey.stop()


if __name__ == "__main__":
    main()
