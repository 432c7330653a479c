"""A keyframe is asked for at once, at most every 500 ms, and nobody who waits is forgotten."""

from itertools import pairwise

from media.keyframe_requests import INTERVAL_SECONDS, KeyframeRequests


def test_the_first_wish_is_sent_at_once() -> None:
    requests = KeyframeRequests()
    assert requests.want(0.0)


def test_a_crowd_costs_two_requests() -> None:
    requests = KeyframeRequests()
    sent = [n for n in range(1000) if requests.want(n * 0.0004)]  # a thousand viewers in 400 ms
    assert sent == [0]
    assert not requests.due(0.49)
    assert requests.due(0.5)
    assert not requests.due(0.5)


def test_a_keyframe_satisfies_all_who_wait() -> None:
    requests = KeyframeRequests()
    requests.want(0.0)
    requests.want(0.1)
    requests.arrived()
    assert not requests.due(1.0)


def test_a_keyframe_does_not_lift_the_throttle() -> None:
    requests = KeyframeRequests()
    requests.want(10.0)
    requests.arrived()
    assert not requests.want(10.1)
    assert requests.due(10.6)
    assert not requests.want(11.0)
    assert requests.want(11.1)


def test_never_more_often_than_the_interval() -> None:
    requests = KeyframeRequests()
    sent = []
    for tick in range(10_000):
        now = tick / 1000
        if (tick % 7 == 0 and requests.want(now)) or requests.due(now):
            sent.append(now)
    assert len(sent) == 20
    assert all(later - earlier >= INTERVAL_SECONDS for earlier, later in pairwise(sent))
