"""The totals of the last 15 minutes."""

from control.events.totals import SAMPLES, Totals
from shared.messages.status import WorkerState, WorkerStatus


def worker(name: str, sessions: int, viewers: int, bits: float) -> WorkerStatus:
    return WorkerStatus(
        id=name, state=WorkerState.READY, http_url="", sessions=sessions, viewers=viewers, egress_bits=bits
    )


def test_a_sample_adds_up_the_workers_and_has_the_rates_since_the_one_before() -> None:
    totals = Totals()
    workers = [worker("a", 5, 3, 1000.4), worker("b", 1, 1, 500.0)]
    totals.take(1_700_000_000.04, 10.0, workers, rooms=2, offers=100, errors=7)
    totals.take(1_700_000_005.0, 15.0, workers, rooms=2, offers=110, errors=9)
    first, second = totals.since(0)
    assert (first.viewers, first.publishers, first.rooms, first.egress) == (4, 2, 2, 1500)
    assert (first.offers, first.errors) == (0.0, 0)  # what was before is not of this time
    assert (second.offers, second.errors) == (2.0, 2)
    assert second.at == 1_700_000_005.0


def test_while_redis_is_away_there_is_a_gap_and_no_zero() -> None:
    totals = Totals()
    totals.take(1.0, 1.0, None, rooms=2, offers=0, errors=0)
    [sample] = totals.since(0)
    assert (sample.viewers, sample.publishers, sample.rooms, sample.egress) == (None, None, None, None)


def test_a_reader_gets_what_is_new_and_never_more_than_is_kept() -> None:
    totals = Totals()
    for number in range(SAMPLES + 20):
        totals.take(float(number), float(number), [], 0, 0, 0)
    assert [sample.at for sample in totals.since(SAMPLES + 18)] == [SAMPLES + 18.0, SAMPLES + 19.0]
    assert len(totals.since(0)) == SAMPLES
    assert totals.since(totals.number) == []
