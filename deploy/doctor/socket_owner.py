"""Who has a port, as far as /proc tells this user. Linux only; elsewhere nobody is found."""

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TABLES = {socket.SOCK_STREAM: ("tcp", "tcp6"), socket.SOCK_DGRAM: ("udp", "udp6")}
_LISTENS, _UNCONNECTED = "0A", "07"  # include/net/tcp_states.h


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, with the words of its command line."""

    pid: int
    words: tuple[str, ...]

    @property
    def is_roomcast(self) -> bool:
        return "deploy.cli" in self.words or any(Path(word).name == "roomcast" for word in self.words[:2])

    @property
    def name(self) -> str:
        """For people. Arguments may be secrets: of them it has only which part of Roomcast it is."""
        if self.is_roomcast:
            return f"roomcast {self.words[-1]} (process {self.pid})"
        program = Path(self.words[0]).name if self.words else "a program"
        return f"{program} (process {self.pid})"


def owner_of(port: int, kind: socket.SocketKind) -> Owner | None:
    """The process that has the port; None if this user may not know."""
    links = {f"socket:[{inode}]" for inode in _inodes(port, kind)}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # another user's, or it has just ended
            if links & set(_open_files(process)):
                return Owner(int(process.name), _words(process))
    return None


def _inodes(port: int, kind: socket.SocketKind) -> Iterator[str]:
    for table in _TABLES[kind]:
        with contextlib.suppress(OSError):
            for row in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
                fields = row.split()
                if fields[3] in (_LISTENS, _UNCONNECTED) and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _open_files(process: Path) -> Iterator[str]:
    for file in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            yield os.readlink(file)


def _words(process: Path) -> tuple[str, ...]:
    text = (process / "cmdline").read_bytes().decode(errors="replace")
    return tuple(word for word in text.split("\0") if word)
