"""What REDIS_URL says: one server, a primary that Sentinels know, or nodes of a Redis Cluster. Does no I/O.

    redis://USER:PASSWORD@HOST:PORT/DB                          one server, or unix://PATH
    redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DB  the primary NAME of these Sentinels
    redis+cluster://USER:PASSWORD@HOST:PORT,HOST:PORT           nodes of a Redis Cluster

With `rediss` in the place of `redis` all connections are TLS. The query has `OPTIONS`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, unquote

from shared.settings.host_port import HostPort, parse_host_port

SERVER_PORT, SENTINEL_PORT = 6379, 26379
MAX_HOSTS = 32
_FORMS = (
    "redis://host:port, redis+sentinel://host:port,host:port/name, redis+cluster://host:port or unix://path"
)
# urllib takes no list of hosts with an IPv6 address in it.
_URL = re.compile(
    r"(?P<scheme>[a-z+]+)://((?P<user>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?P<path>/[^?#]*)?([?](?P<query>[^#]*))?"
)
_NOT_A_DB = "must have a number of a database at its end, or none"

# Of the query. Those of TLS are for the servers and the Sentinels alike.
OPTIONS = (
    "client_name",
    "db",
    "sentinel_password",
    "sentinel_username",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
    "ssl_password",
)


class Kind(StrEnum):
    SERVER = "redis"
    SENTINEL = "redis+sentinel"
    CLUSTER = "redis+cluster"


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """`options` and `sentinel_options` are arguments of redis-py's connections; they have the passwords."""

    kind: Kind
    hosts: tuple[HostPort, ...]  # the server, the Sentinels, or nodes of the cluster; empty: a Unix socket
    tls: bool
    path: str = ""  # of the Unix socket
    primary: str = ""  # its name at the Sentinels
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def user(self) -> str:
        """The name of the user. One without a password is hidden: it may be a password in the wrong place."""
        return str(self.options["username"]) if {"username", "password"} <= self.options.keys() else "default"

    @property
    def place(self) -> str:
        """Where Redis is, without the credentials."""
        return self.path or ", ".join(map(str, self.hosts))


def parse_redis_url(text: str) -> RedisUrl:
    """Raises `ValueError`, which does not repeat `text`."""
    url = _URL.fullmatch(text.strip())
    if url is None:
        raise ValueError(f"must be {_FORMS}")
    scheme, tls, path = url["scheme"], False, unquote(url["path"] or "")
    if scheme == "rediss" or scheme.startswith("rediss+"):
        scheme, tls = "redis" + scheme.removeprefix("rediss"), True
    options = _query(url["query"] or "", tls=tls)
    sentinel_options = {
        name.removeprefix("sentinel_"): options.pop(name)
        for name in ("sentinel_username", "sentinel_password")
        if name in options
    }
    if sentinel_options and scheme != Kind.SENTINEL:
        raise ValueError(
            "has options of Sentinels, and names none: redis+sentinel://host:port,host:port/name"
        )
    if scheme == "unix":
        return RedisUrl(Kind.SERVER, (), tls=False, path=path, options=options | _user(url["user"]))
    if scheme not in list(Kind):
        raise ValueError(f"must be {_FORMS}; rediss in the place of redis is TLS")
    kind = Kind(scheme)
    parts = [part for part in path.split("/") if part]
    primary = ""
    if kind is Kind.SENTINEL:
        if not parts:
            raise ValueError(
                "must end with the name of the primary: redis+sentinel://host:port,host:port/name"
            )
        primary = parts.pop(0)
    hosts = _hosts(url["hosts"], SENTINEL_PORT if kind is Kind.SENTINEL else SERVER_PORT)
    if kind is Kind.SERVER and len(hosts) > 1:
        raise ValueError("names several servers: put +sentinel or +cluster behind the scheme")
    return RedisUrl(
        kind,
        hosts,
        tls,
        primary=primary,
        options=_database(parts, options, kind) | _user(url["user"]),
        sentinel_options={name: value for name, value in options.items() if name.startswith("ssl_")}
        | sentinel_options,
    )


def _query(query: str, *, tls: bool) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS:
            raise ValueError(f"has an option that is none of {', '.join(OPTIONS)}")
        if name.startswith("ssl_") and not tls:
            raise ValueError(f"has {name} without TLS, which is rediss://")
        options[name] = value
    if "ssl_check_hostname" in options:
        options["ssl_check_hostname"] = options["ssl_check_hostname"].lower() not in ("0", "false", "no")
    if options.get("ssl_cert_reqs", "required") not in ("none", "optional", "required"):
        raise ValueError("has an ssl_cert_reqs that is not none, optional or required")
    if "db" in options:
        options["db"] = _number(options["db"])
    return options


def _database(path: list[str], options: dict[str, Any], kind: Kind) -> dict[str, Any]:
    if len(path) > 1:
        raise ValueError(_NOT_A_DB)
    if path:
        options = {"db": _number(path[0])} | options
    if kind is Kind.CLUSTER and options.get("db"):
        raise ValueError("names a database: a Redis Cluster has 0 only")
    return options


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ValueError(_NOT_A_DB)
    return int(text)


def _user(user: str | None) -> dict[str, str]:
    name, _, password = (user or "").partition(":")
    given = {"username": unquote(name), "password": unquote(password)}
    return {key: value for key, value in given.items() if value}


def _hosts(text: str, port: int) -> tuple[HostPort, ...]:
    hosts = text.split(",")
    if len(hosts) > MAX_HOSTS:
        raise ValueError(f"names more than {MAX_HOSTS} hosts")
    return tuple(_host(host.strip(), port, alone=len(hosts) == 1) for host in hosts)


def _host(text: str, port: int, *, alone: bool) -> HostPort:
    has_port = ":" in text.rpartition("]")[2]
    host = parse_host_port(text if has_port else f"{text}:{port}")
    if not host.port or not (host.host or alone):
        raise ValueError(f"must be {_FORMS}")
    return host if host.host else HostPort("localhost", host.port)
