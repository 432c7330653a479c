"""The log of a line, and the same evidence once more through the same code."""

import json
import math
from typing import Any

import pytest

from media.line.allocation import Decision
from media.line.estimate import LineEstimate
from media.line.line_log import CLOSED_OCTETS, PART_OCTETS, LineLog
from media.line.loss_run import Loss
from media.line.round_trips import RoundTrips
from tests.support.many_lines import LinesRoom, Receiver, TimedLine
from tests.support.told_sender import RUNGS
from tests.zoo.lines import named, seeded
from tools.replay import Part, replay


@pytest.mark.parametrize("receiver", [Receiver.ARRIVALS, Receiver.STREAM])
def test_a_stay_on_a_bad_line_replays_to_the_same_decisions(receiver: Receiver) -> None:
    room = LinesRoom(3, (700_000, 350_000, 150_000))
    room.run(4.0)
    seat = room.watch(TimedLine(seeded(named("half, 25 ms"), 3, room.now), 3), receiver)
    room.run(10.0)
    picture = seat._playback.picture
    assert picture is not None
    replayed = list(replay(json.loads(picture._log.as_json(room.now))))
    assert len({each.decided.rung for each in replayed}) > 1
    assert len(replayed) > 40
    assert not [each for each in replayed if each.differs]


def told(ticks: int) -> LineLog:
    """Its viewer loses half of what it gets, now and then."""
    log, octets, present = LineLog(0.0, can_probe=True, can_train=False), 0, 0
    for n in range(1, ticks):
        now = n / 10
        octets += round(RUNGS[present] / 80)
        log.sent(octets, n * 500, now)
        if log.allocation.measure_seconds(now) < 9:
            log.round_trip(0.03, now, is_stream=False)
        if n % 97 == 40:
            log.lost(Loss(0.5, 0.5, now - 0.4, now), now)
        present = log.step(RUNGS, present, now, is_broken=False).rung
    return log


def test_each_part_begins_with_what_was_known_and_all_are_bounded() -> None:
    log = told(4000)
    assert len(log._parts) > 1
    assert CLOSED_OCTETS / 2 < log.closed_octets <= CLOSED_OCTETS
    assert log._entries is not None
    assert len(log._entries) <= PART_OCTETS + 100
    assert len(log._state) < 2_000
    replayed = list(replay(json.loads(log.as_json(400.0))))
    assert 5 < replayed[0].at < 370 < 399.0 < replayed[-1].at  # half a minute at least
    assert not [each for each in replayed if each.differs]


class Recorder:
    """An estimate, or a table, that only notes what it is told."""

    carries, trips = 1e6 / 3, RoundTrips()

    def __init__(self) -> None:
        self.told: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        def note(*values: float, **flags: bool) -> Decision:
            self.told.append((name, values, flags))
            return Decision(0, False, 1e6 / 7, 0.0, 0.0)

        return note


def test_a_replay_is_told_exactly_what_the_estimate_was() -> None:
    log, at = LineLog(0.0, can_probe=True, can_train=False), 1 / 3
    estimate, table = log.estimate, log.allocation = Recorder(), Recorder()  # type: ignore[assignment]
    log.sent(7_001, 333, at)
    log.round_trip(0.1 / 3, at + 0.1, is_stream=False)
    log.report(1, 9, at - 0.1 / 7, 0.1 / 7, at + 0.2)
    log.lost(Loss(1 / 3, 1 / 7, at - 0.1 / 3, -math.inf), at + 0.3)
    log.missed(at + 0.4)
    log.train_came(1e6 / 3, at + 0.5, at + 0.1 / 3, 1e6 / 7)
    log.remb(123_456, at + 0.6)
    log.held_back(1e6 / 7, at + 0.7)
    log.train_left(at + 0.8)
    chance = log._chance()
    log.step([1e6 / 3, 1e5 / 7, math.inf], 1, at + 0.9, is_broken=True)
    (told,) = json.loads(log.as_json(2.0))["parts"]
    part = Part(told)
    estimate_again, table_again = part.estimate, part.allocation = Recorder(), Recorder()  # type: ignore[assignment]
    (step,) = part.steps(told["entries"])
    assert (estimate_again.told, table_again.told) == (estimate.told, table.told)
    assert part._chances.pop() == chance
    assert not step.differs


def test_what_was_sent_is_kept_each_50_ms_wherever_a_tick_of_the_log_begins() -> None:
    log = LineLog(0.0, can_probe=True, can_train=False)
    for n in range(100):
        log.sent(n * 1_000, 0, 1 / 3 + n * 0.05001)
        log.sent(n * 1_000, 0, 1 / 3 + n * 0.05001 + 0.03)
    log.step(RUNGS, 0, 6.0, is_broken=False)
    (part,) = json.loads(log.as_json(6.0))["parts"]
    assert [entry[2] for entry in part["entries"] if entry[0] == "sent"] == [n * 1_000 for n in range(100)]


def test_a_replay_of_other_evidence_differs() -> None:
    log = json.loads(told(200).as_json(20.0))
    (lost,) = [entry for entry in log["parts"][0]["entries"] if entry[0] == "lost"][:1]
    lost[2] = lost[3] = 0.9
    assert any(each.differs for each in replay(log))


def test_at_rest_nothing_is_kept_and_of_a_line_that_was_never_full_nothing_at_all() -> None:
    log = told(30)
    log.rest()
    log.round_trip(0.03, 5.0, is_stream=False)
    assert json.loads(log.as_json(5.0))["parts"] == []
    log = told(60)
    log.rest()
    before = log.as_json(6.0)
    log.remb(300_000, 6.0)
    assert log.as_json(6.0) == before
    log.step(RUNGS, 0, 6.1, is_broken=False)
    parts = json.loads(log.as_json(7.0))["parts"]
    assert [part["because"] for part in parts] == [None, ["remb", 6.0, 300_000]]
    assert [entry[0] for entry in parts[1]["entries"]] == ["rungs", "present", "step", "known", "decided"]
    assert not [each for each in replay(json.loads(log.as_json(7.0))) if each.differs]


def test_all_evidence_goes_through_the_log() -> None:
    public = {name for name, member in vars(LineEstimate).items() if callable(member) and name[0] != "_"}
    by_decisions = {"sends_less", "overflows", "doubt", "drained", "fits"}
    questions = {"state", "most", "queue", "is_exact", "is_queued", "may_have_opened", "room"}
    assert public - by_decisions - questions <= set(dir(LineLog))
