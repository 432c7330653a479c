"""Measure a simulated cluster: `python -m tools.sim MEASURE`; docs/scaling.md tells what came out.

Nothing else may run meanwhile. Without a measure, all are taken: some minutes.
"""

import argparse
from collections.abc import AsyncIterator

import uvloop

from tools.sim import measures
from tools.sim.lists import lists
from tools.sim.streams import event_streams
from tools.sim.worker import be_patient

MEASURES = ("cost", "offers", "lists", "heartbeats", "streams")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(MEASURES))
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=500, help="of each kind, for cost")
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--readers", type=int, default=1, help="of all rooms at once, for lists")
    parser.add_argument("--slow", type=int, default=0, help="readers of all rooms beside them, for lists")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    if unknown := set(options.measures) - set(MEASURES):
        parser.error(f"no such measure: {', '.join(unknown)}")
    be_patient()
    for name in options.measures or MEASURES:
        async for line in _lines(name, options):
            print(line, flush=True)


def _lines(name: str, options: argparse.Namespace) -> AsyncIterator[str]:
    match name:
        case "cost":
            sizes = tuple(size for size in (1, 10, 100, 1000) if size <= options.workers)
            return measures.cost(sizes, options.requests)
        case "offers":
            return measures.offers(options.workers, options.seconds, at_once=16)
        case "lists":
            return lists(options.workers, options.seconds, options.readers, options.slow)
        case "streams":
            return event_streams(options.streams, 1000, int(options.seconds))
        case _:
            return measures.heartbeats(options.workers, rounds=3)


if __name__ == "__main__":
    uvloop.run(main())
