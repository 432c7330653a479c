"""Clients are counted once, by how their last try ended."""

from shared.telemetry.recent_clients import HOPELESS_SECONDS, MOST, RECENT_SECONDS, RecentClients


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def clients() -> tuple[RecentClients, Clock]:
    clock = Clock()
    return RecentClients(clock), clock


def test_a_client_that_tries_again_counts_once() -> None:
    recent, _ = clients()
    for _ in range(500):
        recent.tried("192.0.2.1", got_in=False)
    recent.tried("192.0.2.2", got_in=True)
    assert recent.counts() == (1, 1)


def test_the_last_try_decides() -> None:
    recent, _ = clients()
    recent.tried("192.0.2.1", got_in=False)
    recent.tried("192.0.2.1", got_in=True)
    recent.tried("192.0.2.2", got_in=True)
    recent.tried("192.0.2.2", got_in=False)
    assert recent.counts() == (1, 1)


def test_who_does_not_try_any_more_is_forgotten() -> None:
    recent, clock = clients()
    recent.tried("192.0.2.1", got_in=False)
    recent.tried("192.0.2.2", got_in=True)
    clock.now += RECENT_SECONDS - 1
    recent.tried("192.0.2.2", got_in=True)
    assert recent.counts() == (1, 1)
    clock.now += 1
    assert recent.counts() == (1, 0)


def test_who_has_only_failed_for_an_hour_is_not_counted_until_it_gets_in() -> None:
    recent, clock = clients()
    for _ in range(int(HOPELESS_SECONDS / 60)):
        recent.tried("192.0.2.1", got_in=False)
        assert recent.counts() == (0, 1)
        clock.now += 60
    recent.tried("192.0.2.1", got_in=False)
    assert recent.counts() == (0, 0)
    recent.tried("192.0.2.1", got_in=True)
    recent.tried("192.0.2.1", got_in=False)
    assert recent.counts() == (0, 1)


def test_of_very_many_the_latest_are_counted() -> None:
    recent, _ = clients()
    for number in range(2 * MOST):
        recent.tried(f"10.0.{number // 256}.{number % 256}", got_in=number >= MOST)
    assert recent.counts() == (MOST, 0)


def test_a_client_that_nobody_knows_is_not_counted() -> None:
    recent, _ = clients()
    recent.tried("", got_in=False)
    assert recent.counts() == (0, 0)
