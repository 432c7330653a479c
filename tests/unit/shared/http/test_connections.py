"""Strangers who open connections lock nobody out, and nobody waits for ever."""

import pytest

from shared.http.connections import ConnectionLimits, Connections, client_of

LIMITS = ConnectionLimits(connections=12, of_client=6, waiting=8, waiting_of_client=4)


class Line:
    """A connection that notes what happens to it."""

    def __init__(self) -> None:
        self.cuts = 0
        self.late = 0

    def overdue(self) -> None:
        self.late += 1

    def cut(self) -> None:
        self.cuts += 1


def admitted(connections: Connections, address: str, count: int = 1) -> list[Line]:
    lines = [Line() for _ in range(count)]
    assert all(connections.admit(line, address, 10.0) for line in lines)
    return lines


def test_a_client_with_many_waiting_connections_loses_its_own_oldest() -> None:
    connections = Connections(LIMITS)
    (honest,) = admitted(connections, "192.0.2.1")
    flood = admitted(connections, "192.0.2.9", 20)
    assert [line.cuts for line in flood] == [1] * 16 + [0] * 4
    assert honest.cuts == 0
    assert len(connections) == 5
    assert connections.closed == 16


def test_when_many_clients_wait_the_one_that_waits_longest_is_closed() -> None:
    connections = Connections(LIMITS)
    flood = [line for host in range(8) for line in admitted(connections, f"192.0.2.{host}")]
    connections.wait(flood[0], 10.0)  # it waits for something else now
    admitted(connections, "198.51.100.1")
    assert [line.cuts for line in flood] == [0, 1, 0, 0, 0, 0, 0, 0]


def test_an_answer_under_way_is_not_cut_for_a_newcomer() -> None:
    connections = Connections(LIMITS)
    lines = []
    for host in range(12):
        lines += admitted(connections, f"192.0.2.{host}")
        connections.answer(lines[-1])
    assert not connections.admit(Line(), "198.51.100.1", 10.0)
    assert connections.refused == 1
    connections.leave(lines[0])
    connections.wait(lines[1], 10.0)
    admitted(connections, "198.51.100.1", 2)  # the place of the one that left, and of the one that waits
    assert [line.cuts for line in lines] == [0, 1] + [0] * 10
    assert len(connections) == 12


def test_only_a_trusted_proxy_may_have_any_number_of_connections() -> None:
    connections = Connections(LIMITS, lambda address: address == "10.0.0.1")
    for line in admitted(connections, "192.0.2.9", 4) + admitted(connections, "10.0.0.1", 4):
        connections.answer(line)
    for line in admitted(connections, "192.0.2.9", 2):
        connections.answer(line)
    assert not connections.admit(Line(), "192.0.2.9", 10.0)
    assert connections.admit(Line(), "10.0.0.1", 10.0)


def test_an_answered_client_has_so_many_connections_and_no_more() -> None:
    connections = Connections(LIMITS)
    for _ in range(LIMITS.of_client):
        (line,) = admitted(connections, "192.0.2.9")
        connections.answer(line)
    assert not connections.admit(Line(), "192.0.2.9", 10.0)
    assert connections.admit(Line(), "192.0.2.8", 10.0)
    connections.leave(line)
    assert connections.admit(Line(), "192.0.2.9", 10.0)


def test_a_trusted_proxy_s_connections_wait_within_the_limit_of_all() -> None:
    connections = Connections(LIMITS, lambda address: address == "10.0.0.1")
    proxied = admitted(connections, "10.0.0.1", LIMITS.waiting + 1)
    assert [line.cuts for line in proxied] == [1] + [0] * LIMITS.waiting


def test_of_a_client_that_has_left_nothing_is_kept() -> None:
    connections = Connections(LIMITS)
    lines = admitted(connections, "192.0.2.1", 2)
    for line in lines:
        connections.leave(line)
    assert len(connections) == 0
    assert not connections._clients


def test_who_takes_too_long_is_told_and_who_is_answered_is_not() -> None:
    connections = Connections(LIMITS)
    slow, quick = admitted(connections, "192.0.2.1", 2)
    connections.answer(quick)
    connections.look(9.9)
    assert slow.late == 0
    connections.look(10.0)
    assert (slow.late, quick.late) == (1, 0)
    connections.leave(slow)
    connections.leave(slow)  # the network says so, too
    connections.wait(slow, 10.0)
    connections.look(99.0)
    assert (slow.late, len(connections)) == (1, 1)


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_host_is_its_64(address: str, client: str) -> None:
    assert client_of(address) == client
