"""What Python has allocated goes into huge pages, and nothing else does."""

import subprocess
import sys

from shared.huge_pages import HUGE_BYTES, whole_pages

MIB = 1 << 20
MAPS = """\
00400000-00500000 r--p 00000000 fe:00 1234                               /usr/bin/python3.13
00500000-00f00000 r-xp 00100000 fe:00 1234                               /usr/bin/python3.13
01000000-01a00000 rw-p 00a00000 fe:00 1234                               /usr/bin/python3.13
10100000-10900000 rw-p 00000000 00:00 0                                  [heap]
7f0000000000-7f0000100000 rw-p 00000000 00:00 0
7f0000200000-7f0000600000 rw-p 00000000 00:00 0
7f0000600000-7f0000a00000 r--p 00000000 00:00 0
7f0000a00000-7f0000e00000 rw-s 00000000 00:01 77                         /dev/zero (deleted)
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0                          [stack]
"""


def test_only_whole_pages_of_the_heap_and_of_anonymous_memory_are_taken() -> None:
    assert whole_pages(MAPS) == [(0x10200000, 6 * MIB), (0x7F0000200000, 4 * MIB)]


def test_a_process_keeps_what_it_has() -> None:
    """And the kernel says how much it has moved, or that it cannot."""
    code = (
        "from shared.huge_pages import take_huge_pages\n"
        "kept = [str(number) * 10 for number in range(100_000)]\n"
        "moved = take_huge_pages()\n"
        "assert kept == [str(number) * 10 for number in range(100_000)]\n"
        "print(moved)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert int(ran.stdout) % HUGE_BYTES == 0
