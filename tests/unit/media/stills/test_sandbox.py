"""What a process that decodes strangers' pictures can still do when a stranger has taken it over."""

import errno
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from media.stills.sandbox import ALLOW, KILL, MACHINES, REFUSE, Machine, landlock_abi, program
from tests.hostile.broken_decoder import TRIES, outcomes

READS, WRITES = 5, 7
RWX = 7


@pytest.mark.parametrize("which", ["decoder", "reader"])
@pytest.mark.parametrize("landlock", [True, False], ids=["landlock", "no landlock"])
def test_a_broken_decoder_gets_nothing(which: str, landlock: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    with tempfile.TemporaryFile() as file:
        got = outcomes(which, file, landlock=landlock)
    assert got.keys() == TRIES.keys()
    assert {name: outcome for name, outcome in got.items() if not outcome.startswith("refused: ")} == {}


def test_landlock_alone_leaves_no_file_and_no_connection() -> None:
    """So that neither layer hides a hole of the other one."""
    code = (
        "import os, socket, media.stills.sandbox as s\n"
        "s._give_up_files()\n"
        "for attempt in (lambda: open('/etc/passwd'), lambda: os.listdir('/'), lambda: os.mkdir('/tmp/n'),\n"
        "        lambda: socket.socket().connect(('127.0.0.1', 1))):\n"
        "    try: attempt()\n"
        "    except OSError as error: print(error.errno)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    abi = landlock_abi()
    refused = 4 if abi >= 4 else 3 if abi >= 1 else 0  # TCP from ABI 4 on
    assert run.stdout.split()[:refused] == [str(errno.EACCES)] * refused, run.stderr


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_the_filter_allows_what_is_on_the_list_and_nothing_else(machine: Machine) -> None:
    listed = {*machine.plain, *machine.read, machine.write, *machine.maps}
    for number in range(600):
        assert _judged(machine, number, 0, 0, RWX) == (ALLOW if number in machine.plain else REFUSE)
        assert _judged(machine, number, READS, 0, RWX) == (
            ALLOW if number in (*machine.plain, *machine.read) else REFUSE
        )
        assert _judged(machine, number, WRITES, 0, RWX) == (
            ALLOW if number in (*machine.plain, machine.write) else REFUSE
        )
        assert (_judged(machine, number, READS, 0, 3) == ALLOW) is (number in listed - {machine.write})
        # a file's number has 32 bits to the kernel
        assert _judged(machine, number, READS | 1 << 32, 0, 3) == _judged(machine, number, READS, 0, 3)
    for number in (0x40000000, 0x40000001, 0xFFFFFFFF):
        assert _judged(machine, number, READS, 0, 3) == KILL
    other = MACHINES["aarch64" if machine.audit == MACHINES["x86_64"].audit else "x86_64"]
    assert _judged(machine, machine.plain[0], 0, 0, 0, audit=other.audit) == KILL
    assert _judged(machine, machine.read[0], READS, 0, 0, reads=None) == REFUSE


def _judged(
    machine: Machine, number: int, *arguments: int, audit: int | None = None, reads: int | None = READS
) -> int:
    """What the kernel would do by the filter, which is run here."""
    data = struct.pack("=IIQ6Q", number, audit or machine.audit, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("=HBBI", program(machine, reads, WRITES)))
    at, value = 0, 0
    while True:
        operation, if_so, if_not, operand = steps[at]
        at += 1
        match operation:
            case 0x20:  # load
                (value,) = struct.unpack_from("=I", data, operand)
            case 0x15:
                at += if_so if value == operand else if_not
            case 0x35:
                at += if_so if value >= operand else if_not
            case 0x45:
                at += if_so if value & operand else if_not
            case _:
                assert operation == 0x06
                return int(operand)
