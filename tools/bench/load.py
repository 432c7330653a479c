"""Puts a WHIP/WHEP server under load and measures it: publishers and viewers, all in this process.

    python -m tools.bench.load --whip URL --whep URL --viewers 200 --server-pid PID

Works against any server on any host; CPU and memory of the server are told when its processes are named.
"""

import argparse

import uvloop

from tools.bench.generator import loaded
from tools.bench.machine import machine
from tools.bench.publisher import DEFAULT_STREAM, Stream
from tools.bench.report import COLUMNS, Report, remarks, row
from tools.bench.table import table


async def run(arguments: argparse.Namespace) -> list[Report]:
    async with loaded(
        arguments.whip,
        arguments.whep,
        arguments.viewers,
        rooms=arguments.rooms,
        token=arguments.token,
        server_pids=arguments.server_pid,
        at_once=arguments.at_once,
        stream=Stream(arguments.burst, arguments.size, arguments.rate),
    ) as load:
        await load.warm_up(arguments.warm_up)
        return [await load.measure(arguments.seconds, gro=arguments.gro) for _ in range(arguments.windows)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.load", description=__doc__)
    add = parser.add_argument
    add("--whip", required=True, metavar="URL", help="where a publisher posts its offer")
    add("--whep", required=True, metavar="URL", help="where the viewers do; {room} in both is a room's name")
    add("--token", help="sent as Authorization: Bearer")
    add("--rooms", type=int, default=1, help="publishers, one a room (%(default)s)")
    add("--viewers", type=int, default=100, help="of each room (%(default)s)")
    add("--at-once", type=int, default=1, help="viewers that join at the same time (%(default)s)")
    add("--seconds", type=float, default=10.0, help="length of a window (%(default)s)")
    add("--warm-up", type=float, default=2.0, metavar="SECONDS", help="before the first (%(default)s)")
    add("--windows", type=int, default=1, help="how many, one line each (%(default)s)")
    add("--gro", action="store_true", help="viewers receive by UDP GRO")
    add("--server-pid", type=int, action="append", default=[], help="a media process of the server")
    add(
        "--burst",
        type=int,
        default=DEFAULT_STREAM.burst,
        help="packets of a frame, 64 KB at most (%(default)s)",
    )
    add("--size", type=int, default=DEFAULT_STREAM.size, help="bytes of an RTP packet (%(default)s)")
    add("--rate", type=int, default=DEFAULT_STREAM.rate, help="frames a second (%(default)s)")
    arguments = parser.parse_args()
    print(f"{machine()}.\n", flush=True)
    reports = uvloop.run(run(arguments))
    print(table(COLUMNS, [row(report) for report in reports]))
    for line in dict.fromkeys(line for report in reports for line in remarks(report)):
        print(f"\n{line}")


if __name__ == "__main__":
    main()
