"""The round trip of an empty queue, remembered for as long as it is likely to be true."""

from media.line.round_trips import WINDOW_SECONDS, ShortestRoundTrip


def test_the_shortest_counts_through_a_queue_of_fifteen_seconds() -> None:
    shortest = ShortestRoundTrip()
    assert shortest.take(0.030, 0.0) == 0.030
    assert [shortest.take(0.300, float(now)) for now in range(1, 15)] == [0.030] * 14


def test_a_slower_network_is_learned_within_two_windows() -> None:
    shortest = ShortestRoundTrip()
    shortest.take(0.030, 0.0)
    told = [shortest.take(0.200, float(now)) for now in range(1, 2 * round(WINDOW_SECONDS) + 5)]
    assert told[-1] == 0.200


def test_what_is_long_ago_does_not_count() -> None:
    shortest = ShortestRoundTrip()
    shortest.take(0.030, 0.0)
    assert shortest.take(0.200, 100.0) == 0.200
