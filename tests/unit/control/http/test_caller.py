"""The address of a client behind proxies."""

import pytest
from starlette.datastructures import Headers

from control.http.caller import TrustedProxies

PROXIES = TrustedProxies(["10.0.0.0/8", "fd00::/8", "192.0.2.7"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("10.0.0.1", ["junk, 10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", ["198.51.100.1, junk"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        ("10.0.0.1", [f"fe80::1%{'a' * 5000}"], "fe80::1"),
        ("10.0.0.1", [f"1.1.1.1, ::ffff:10.0.0.2%{'a' * 5000}"], "1.1.1.1"),
        ("10.0.0.1", ["198.51.100.1%a"], "10.0.0.1"),
        ("fd00::1%eth0", ["198.51.100.1"], "198.51.100.1"),
        ("fe80::1%eth0", ["198.51.100.1"], "fe80::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::ffff:203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("fd00::1", ["198.51.100.1"], "198.51.100.1"),
        (None, ["198.51.100.1"], "unknown"),
        ("testclient", ["198.51.100.1"], "unknown"),
    ],
)
def test_client(peer: str | None, forwarded: list[str], client: str) -> None:
    headers = Headers(raw=[(b"x-forwarded-for", value.encode()) for value in forwarded])
    assert PROXIES.caller(peer, headers).address == client


@pytest.mark.parametrize(
    ("prefix", "taken"),
    [
        *(("/live", "/live"), ("/live/", "/live"), ("/a/b", "/a/b")),
        *((wrong, "") for wrong in ("", "/", "live", "//x", "/a\r\nb", "/a?b", "https://evil.test")),
    ],
)
def test_prefix(prefix: str, taken: str) -> None:
    headers = Headers({"x-forwarded-prefix": prefix})
    assert PROXIES.caller("10.0.0.1", headers).prefix == taken
    assert PROXIES.caller("203.0.113.5", headers).prefix == ""


def test_request_id() -> None:
    headers = Headers({"x-request-id": "abc-1"})
    assert PROXIES.caller("10.0.0.1", headers).request_id == "abc-1"
    assert PROXIES.caller("203.0.113.5", headers).request_id != "abc-1"
    assert PROXIES.caller("10.0.0.1", Headers({"x-request-id": "a b"})).request_id != "a b"


@pytest.mark.parametrize(
    ("peer", "forwarded", "guessed"),
    [
        ("172.17.0.1", "198.51.100.1", "172.17.0.1 198.51.100.1"),
        ("172.17.0.1", "", "172.17.0.1"),
        ("fc00::1", "198.51.100.1", "fc00::/64 198.51.100.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),  # a proxy that is trusted
        ("8.8.8.8", "198.51.100.1", "8.8.8.8"),  # a stranger may write anything
        ("172.17.0.1", "a" * 5000, f"172.17.0.1 {'a' * 45}"),
        ("unknown", "198.51.100.1", "unknown"),
    ],
)
def test_clients_of_a_private_proxy_that_is_not_trusted_are_told_apart_where_nothing_depends_on_it(
    peer: str, forwarded: str, guessed: str
) -> None:
    caller = PROXIES.caller(peer, Headers({"x-forwarded-for": forwarded} if forwarded else {}))
    assert caller.guessed_network == guessed
