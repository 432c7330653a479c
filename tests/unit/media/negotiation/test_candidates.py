"""A client that came over IPv6 is told of IPv6 first, and nobody is told less than everything."""

from media.negotiation.candidates import Candidates

MIXED = (("192.0.2.7", 7100), ("2001:db8::7", 7100), ("127.0.0.1", 7100), ("::1", 7100))


def test_the_family_by_which_a_client_came_is_first_and_the_order_stays_otherwise() -> None:
    candidates = Candidates(MIXED)
    assert candidates.all == candidates.for_client(over_ipv6=False) == MIXED
    assert candidates.for_client(over_ipv6=True) == (MIXED[1], MIXED[3], MIXED[0], MIXED[2])


def test_a_worker_without_ipv6_tells_everybody_the_same() -> None:
    only = Candidates(MIXED[::2])
    assert only.for_client(over_ipv6=True) == only.all


def test_others_are_told_from_then_on() -> None:
    candidates = Candidates(MIXED)
    candidates.all = MIXED[2:]
    assert candidates.for_client(over_ipv6=False) == MIXED[2:]
