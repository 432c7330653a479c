"""A burst at once, and a rate in the long run."""

from media.token_bucket import TokenBucket


def test_a_burst_may_come_at_once_and_then_only_the_rate() -> None:
    bucket = TokenBucket(rate=2, burst=5, now=10.0)
    assert [bucket.take(10.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert not bucket.take(10.4)
    assert bucket.take(10.5)
    assert sum(bucket.take(11 + n / 100) for n in range(1000)) == 2 * 10


def test_what_exceeds_the_rest_is_paid_back_later() -> None:
    bucket = TokenBucket(rate=2, burst=5, now=10.0)
    bucket.spend(8)
    assert bucket.left(10.0) == -3
    assert not bucket.take(11.9)
    assert bucket.take(12.0)


def test_a_long_pause_allows_no_more_than_a_burst() -> None:
    bucket = TokenBucket(rate=2, burst=5, now=0.0)
    assert sum(bucket.take(1000.0) for _ in range(100)) == 5
