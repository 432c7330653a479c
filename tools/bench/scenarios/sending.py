"""Sending alone, in turns: Python, the native step, and two floors in plain C.

A floor only encrypts and sends: one packet a message, or by UDP GSO one burst (floor.c). CPU of laying out,
encrypting and sending bursts, with the kernel's part; what a server does besides is in `turns`.
"""

import argparse
import contextlib
import selectors
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from media.transport.udp import UDP_GRO
from tools.bench.ratio import Ratio
from tools.bench.table import table

VIEWERS = (1, 10, 200, 600)
PACKETS, SIZE, RATE = 10, 1100, 30.0
ROUNDS = 4
SECONDS = 2.0
_SOURCE = Path(__file__).parents[1] / "floor.c"
_INBOX = 65_536
COLUMNS = (
    "viewers",
    "Python µs/packet",
    "native",
    "floor",
    "GSO floor",
    "native/Python",
    "native/floor",
    "native/GSO floor",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--viewers", type=int, nargs="*", default=VIEWERS, help="a line each %(default)s")
    add("--rounds", type=int, default=ROUNDS, help="of a window for each sender (%(default)s)")
    add("--seconds", type=float, default=SECONDS, help="of a window (%(default)s)")
    add("--no-gro", action="store_true", help="viewers receive without UDP GRO")


async def run(_: str, arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        floor = built_floor(Path(folder))
        bench = [sys.executable, "-m", "tools.bench.fan_out_sender"]
        senders = ([*bench, "python"], [*bench, "native"], [floor, "0"], [floor, "1"])
        rows = []
        for viewers in arguments.viewers:
            figures: list[list[float]] = [[] for _ in senders]
            with receivers(viewers, gro=not arguments.no_gro) as inbox:
                for number in range(arguments.rounds):
                    order = list(zip(senders, figures, strict=True))
                    for sender, costs in order if number % 2 == 0 else reversed(order):
                        costs.append(inbox.cost(sender, arguments.seconds))
            python, native, plain, gso = figures
            ratios = [Ratio.of(other, native) for other in (python, plain, gso)]
            means = (ratios[0].old, ratios[0].new, ratios[1].old, ratios[2].old)
            rows.append((str(viewers), *(f"{mean:.2f}" for mean in means), *map(str, ratios)))
    print(table(COLUMNS, rows))
    print(
        f"\n{arguments.rounds} rounds of a window of {arguments.seconds:g} s for each, viewers"
        f" {'without' if arguments.no_gro else 'with'} UDP GRO."
    )


def built_floor(folder: Path) -> Path:
    floor = folder / "floor"
    subprocess.run(["cc", "-O2", _SOURCE, "-o", floor, "-lcrypto"], check=True)
    return floor


class Inbox:
    """Reads what the viewers get, and throws it away."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._ports = " ".join(str(end.getsockname()[1]) for end in sockets)
        self._selector = selectors.EpollSelector()
        for end in sockets:
            self._selector.register(end, selectors.EVENT_READ)

    def close(self) -> None:
        self._selector.close()

    def cost(self, sender: list[str | Path], seconds: float) -> float:
        """CPU of a packet in us, as the sender says."""
        words = [*sender, str(round(seconds * RATE)), str(PACKETS), str(SIZE), str(RATE)]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self._ports)
        process.stdin.close()
        memory = bytearray(_INBOX)
        while process.poll() is None:
            for ready, _ in self._selector.select(0.05):
                end: socket.socket = ready.fileobj  # type: ignore[assignment]
                with contextlib.suppress(BlockingIOError):
                    while True:
                        end.recv_into(memory)
        with process.stdout:
            said = process.stdout.read()
        assert process.returncode == 0, f"{sender} left with {process.returncode}"
        return float(said)


@contextlib.contextmanager
def receivers(viewers: int, *, gro: bool) -> Iterator[Inbox]:
    with contextlib.ExitStack() as stack:
        ends = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(viewers)]
        for end in ends:
            end.bind(("127.0.0.1", 0))
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_UDP, UDP_GRO, int(gro))
        yield stack.enter_context(contextlib.closing(Inbox(ends)))
