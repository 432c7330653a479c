"""Only the servers that were asked can answer, and what they disagree about is a symmetric NAT."""

import pytest
from aioice import stun as other

from media.transport.address import Address, udp_address
from media.transport.mapping import MOST_SERVERS, RETRY_SECONDS, Mapping, Question
from tests.support.stun_server import mapped

ONE, TWO = udp_address("192.0.2.1", 3478), udp_address("192.0.2.2", 19302)
HERE = "203.0.113.7", 40000


def transactions(asked: Question, now: float = 0.0) -> dict[Address, bytes]:
    return {server: other.parse_message(request).transaction_id for request, server in asked.due(now)}


def answered(*seen: tuple[str, int]) -> Mapping:
    """What is known when the n-th server has seen us at the n-th address."""
    asked = Question([ONE, TWO][: len(seen)])
    for (server, transaction), address in zip(transactions(asked).items(), seen, strict=True):
        assert asked.take(mapped(transaction, address), server)
    assert asked.is_answered
    return asked.mapping


def test_servers_that_agree_have_found_the_address() -> None:
    mapping = answered(HERE, HERE)
    assert mapping == Mapping((HERE, HERE))
    assert mapping.is_known
    assert not mapping.is_symmetric


@pytest.mark.parametrize("elsewhere", [("203.0.113.7", 40001), ("203.0.113.8", 40000)])
def test_servers_that_disagree_show_a_symmetric_nat(elsewhere: tuple[str, int]) -> None:
    assert answered(HERE, elsewhere).is_symmetric


def test_one_answer_is_an_address_and_no_proof_of_more() -> None:
    mapping = answered(HERE)
    assert mapping.is_known
    assert not mapping.is_symmetric
    assert not Question([ONE]).mapping.is_known


def test_an_answer_that_is_forged_changes_nothing() -> None:
    asked = Question([ONE, TWO])
    known = transactions(asked)
    forged = "198.51.100.66", 666
    assert not asked.take(mapped(b"guessed 12 b", forged), ONE)  # from an address that may be forged, too
    assert not asked.take(mapped(known[ONE], forged), TWO)
    assert not asked.take(mapped(known[ONE], forged), udp_address("192.0.2.3", 3478))
    assert not asked.take(mapped(known[ONE], forged), udp_address("192.0.2.1", 3479))
    assert not asked.take(b"", ONE)
    assert not asked.mapping.is_known


def test_the_first_answer_of_a_server_counts() -> None:
    asked = Question([ONE, TWO])
    transaction = transactions(asked)[ONE]
    assert asked.take(mapped(transaction, HERE), ONE)
    assert asked.take(mapped(transaction, ("203.0.113.9", 1)), ONE)
    assert asked.mapping == Mapping((HERE,))


@pytest.mark.parametrize(
    "seen", [("2001:db8::7", 7100), ("0.0.0.0", 7100), ("224.0.0.1", 7100), ("192.0.2.7", 0)]
)
def test_what_cannot_be_our_address_is_no_answer(seen: tuple[str, int]) -> None:
    asked = Question([ONE])
    assert asked.take(mapped(transactions(asked)[ONE], seen), ONE)
    assert not asked.mapping.is_known
    assert not asked.is_answered


def test_the_silent_are_asked_again_more_and_more_slowly_under_the_same_transaction() -> None:
    asked = Question([ONE, TWO])
    first = transactions(asked, 0.0)
    assert not asked.due(0.9 * RETRY_SECONDS)
    assert asked.take(mapped(first[ONE], HERE), ONE)
    times, now = [], 0.0
    while now < 8 * RETRY_SECONDS:
        if again := transactions(asked, now):
            assert again == {TWO: first[TWO]}
            times.append(now)
        now += RETRY_SECONDS / 64
    assert times == pytest.approx(
        [RETRY_SECONDS, 3 * RETRY_SECONDS, 7 * RETRY_SECONDS], abs=RETRY_SECONDS / 32
    )


def test_no_server_is_asked_twice_and_none_without_limit() -> None:
    assert list(transactions(Question([ONE, TWO, ONE]))) == [ONE, TWO]
    many = [udp_address("192.0.2.1", port) for port in range(1, 100)]
    assert list(transactions(Question(many))) == many[:MOST_SERVERS]


def test_nobody_to_ask_is_nothing_to_wait_for() -> None:
    assert Question().is_answered
    assert not Question().due(0.0)
