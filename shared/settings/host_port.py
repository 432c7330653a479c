"""A network address as settings write it: `host:port`, `[IPv6]:port` or `:port`."""

import re
from typing import NamedTuple


class HostPort(NamedTuple):
    """An empty `host` means every IPv4 and IPv6 address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def plus(self, count: int) -> "HostPort":
        """The same host, `count` ports further on."""
        return HostPort(self.host, self.port + count)


def parse_host_port(text: str) -> HostPort:
    """Raises `ValueError`."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]*)):(\d{1,5})", text.strip())
    if not match or not 0 <= int(match[3]) <= 65535:
        raise ValueError("must be host:port or :port")
    return HostPort(match[1] or match[2] or "", int(match[3]))
