"""What a worker still takes."""

import pytest

from media.worker.capacity import Capacity
from shared.errors import ErrorCode, ServiceError


def busy(share: float, seconds: int) -> Capacity:
    """A worker that has used `share` of its core for that many seconds."""
    capacity = Capacity(0.8, 0)
    for second in range(seconds + 1):
        capacity.measure(100 + second, share * second, second * 500, second * 500_000)
    return capacity


def test_load_and_packets_are_those_of_the_last_second() -> None:
    capacity = busy(0.25, 1)
    assert capacity.load == pytest.approx(0.25, abs=0.01)
    assert capacity.egress_packets == pytest.approx(500, rel=0.01)
    assert capacity.egress_bits == pytest.approx(4_000_000, rel=0.01)


def test_an_idle_worker_takes_all() -> None:
    capacity = busy(0.1, 30)
    capacity.check_publisher()
    capacity.check_viewer(10_000)


def test_a_worker_at_its_limit_takes_nobody() -> None:
    capacity = busy(0.9, 30)
    assert not capacity.takes_publishers
    with pytest.raises(ServiceError) as caught:
        capacity.check_viewer(0)
    assert caught.value.code is ErrorCode.WORKER_FULL


def test_one_busy_second_is_not_the_limit() -> None:
    assert busy(1.0, 1).takes_publishers


def test_it_takes_more_again_once_it_is_less_busy() -> None:
    capacity = busy(0.9, 30)
    for second in range(1, 6):
        capacity.measure(130 + second, 27, 0, 0)
    assert capacity.takes_publishers


def test_viewers_are_counted_where_there_is_a_limit() -> None:
    capacity = Capacity(0.8, 2)
    capacity.check_viewer(1)
    capacity.check_publisher()
    with pytest.raises(ServiceError) as caught:
        capacity.check_viewer(2)
    assert caught.value.code is ErrorCode.WORKER_FULL
    capacity.check_publisher()


def test_a_draining_worker_takes_nobody() -> None:
    capacity = Capacity(0.8, 0)
    capacity.draining = True
    for check in (capacity.check_publisher, lambda: capacity.check_viewer(0)):
        with pytest.raises(ServiceError) as caught:
            check()
        assert caught.value.detail == "worker is draining"


def sending(bits: int, seconds: int, max_egress: int = 0, card: float | None = None) -> Capacity:
    """A worker whose core is at rest, and that has sent for that many seconds."""
    capacity = Capacity(0.8, 0, max_egress)
    for second in range(seconds + 1):
        capacity.measure(100 + second, 0.1 * second, 500 * second, bits * second // 8, card)
    return capacity


@pytest.mark.parametrize("full", [sending(850_000, 30, max_egress=1_000_000), sending(800, 30, card=0.85)])
def test_a_full_line_is_a_limit_like_a_full_core(full: Capacity) -> None:
    assert full.egress_share == pytest.approx(0.85)
    assert not full.takes_publishers
    with pytest.raises(ServiceError) as caught:
        full.check_viewer(0)
    assert (caught.value.code, caught.value.detail) == (
        ErrorCode.WORKER_FULL,
        "the worker's line is at its limit",
    )


def test_one_full_second_of_the_line_is_not_the_limit() -> None:
    assert sending(1000, 1, max_egress=1000).takes_publishers


def test_a_limit_of_its_own_counts_in_the_place_of_the_card() -> None:
    assert sending(100, 30, max_egress=1000, card=0.99).takes_publishers


def test_without_a_limit_and_a_card_nothing_is_known_of_the_line() -> None:
    assert sending(10**12, 30).takes_publishers
    assert sending(10**12, 30).egress_share is None
