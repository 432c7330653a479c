"""Who has a port, as far as /proc tells this user."""

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil


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
    with contextlib.suppress(psutil.Error):  # it has just ended
        for one in psutil.net_connections("tcp" if kind is socket.SOCK_STREAM else "udp"):
            if one.pid and one.laddr and one.laddr.port == port and not one.raddr:
                return Owner(one.pid, tuple(psutil.Process(one.pid).cmdline()))
    return None
