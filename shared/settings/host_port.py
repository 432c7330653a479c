"""A network address as settings write it: `host:port`, `[IPv6]:port` or `:port`."""

import ipaddress
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
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]\s]*)):(\d{1,5})", text.strip())
    if not match or not 0 <= int(match[3]) <= 65535:
        raise ValueError("must be host:port or :port")
    host = match[1] or match[2] or ""
    if host and not (_is_ip(host) if match[1] else is_host_name(host)):
        raise ValueError("must have a host that is a name of DNS, an IPv4 address, or an IPv6 address in []")
    return HostPort(host, int(match[3]))


def _is_ip(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def is_host_name(text: str) -> bool:
    """Whether resolvers take it: they encode it by IDNA, and raise if a label is empty or too long."""
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False
