"""REDIS_URL: what each form means, and that no error repeats what may be a password."""

from typing import Any

import pytest

from shared.settings.host_port import HostPort
from shared.settings.redis_url import Kind, parse_redis_url


@pytest.mark.parametrize(
    ("text", "kind", "hosts", "options"),
    [
        ("redis://", Kind.SERVER, ["localhost:6379"], {}),
        ("redis://:hush@10.0.0.3:6380/1", Kind.SERVER, ["10.0.0.3:6380"], {"password": "hush", "db": 1}),
        ("redis://a%40b:p%2Fw@[::1]", Kind.SERVER, ["[::1]:6379"], {"username": "a@b", "password": "p/w"}),
        (" redis://one?db=2\n", Kind.SERVER, ["one:6379"], {"db": 2}),
        ("rediss://one?ssl_ca_certs=/etc/ca.pem", Kind.SERVER, ["one:6379"], {"ssl_ca_certs": "/etc/ca.pem"}),
        ("rediss://one?ssl_check_hostname=0", Kind.SERVER, ["one:6379"], {"ssl_check_hostname": False}),
        (
            "redis+sentinel://u:hush@a,b:1,[::1]/mymaster/3",
            Kind.SENTINEL,
            ["a:26379", "b:1", "[::1]:26379"],
            {"username": "u", "password": "hush", "db": 3},
        ),
        ("redis+cluster://a:7000,b", Kind.CLUSTER, ["a:7000", "b:6379"], {}),
        ("redis+cluster://a/0", Kind.CLUSTER, ["a:6379"], {"db": 0}),
    ],
)
def test_each_form(text: str, kind: Kind, hosts: list[str], options: dict[str, Any]) -> None:
    url = parse_redis_url(text)
    assert (url.kind, list(map(str, url.hosts)), url.options) == (kind, hosts, options)
    assert url.tls is ("rediss" in text)
    assert "hush" not in repr(url) + url.place + url.user


def test_a_unix_socket() -> None:
    url = parse_redis_url("unix://user:hush@/run/valkey.sock?db=1")
    assert (url.hosts, url.path, url.place) == ((), "/run/valkey.sock", "/run/valkey.sock")
    assert url.options == {"username": "user", "password": "hush", "db": 1}


def test_sentinels_have_credentials_of_their_own_and_the_same_tls() -> None:
    url = parse_redis_url(
        "rediss+sentinel://user:hush@a/main?sentinel_username=s&sentinel_password=more&ssl_ca_certs=/ca"
    )
    assert (url.primary, url.hosts) == ("main", (HostPort("a", 26379),))
    assert url.options == {"username": "user", "password": "hush", "ssl_ca_certs": "/ca"}
    assert url.sentinel_options == {"username": "s", "password": "more", "ssl_ca_certs": "/ca"}


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("redis://hush@one", "default"),
        ("redis://:hush@one", "default"),
        ("redis://room%2Dcast:hush@one", "room-cast"),
    ],
)
def test_a_password_in_the_place_of_the_user_is_not_shown(text: str, user: str) -> None:
    assert parse_redis_url(text).user == user


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hush", "must be redis://host:port"),
        ("http://:hush@one", "must be redis://host:port"),
        ("redis+other://:hush@one", "must be redis://host:port"),
        ("redis://:hush@one:port", "must be host:port"),
        ("redis://:hush@one:0", "must be redis://host:port"),
        ("redis://:hush@one:99999", "must be host:port"),
        ("redis://:hush@one,two", r"\+sentinel or \+cluster"),
        ("redis://:hush@one/name", "number of a database"),
        ("redis://:hush@one/1/2", "number of a database"),
        ("redis://:hush@one?db=x", "number of a database"),
        ("redis://:hush@one?passwort=hush", "an option that is none of client_name, db"),
        ("redis://:hush@one?ssl_ca_certs=/ca", "without TLS"),
        ("rediss://:hush@one?ssl_cert_reqs=never", "ssl_cert_reqs"),
        ("redis://:hush@one?sentinel_password=hush", "options of Sentinels"),
        ("redis+sentinel://:hush@one,two", "name of the primary"),
        ("redis+sentinel://:hush@one,,two/main", "must be redis://host:port"),
        ("redis+sentinel://:hush@" + ",".join(["one"] * 33) + "/main", "more than 32 hosts"),
        ("redis+cluster://:hush@one/1", "names a database"),
    ],
)
def test_what_is_wrong_is_told_without_the_password(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        parse_redis_url(text)
    assert "hush" not in str(error.value)
