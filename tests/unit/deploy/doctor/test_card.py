"""What the doctor says of the network card."""

from pathlib import Path

import pytest

from deploy.doctor import card
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from media.worker.card import Card
from shared.settings.settings import load_settings

TEN_GIGABIT = Card(Path("/sys/class/net/eth0"), 10_000_000_000)


def test_a_card_whose_speed_is_known_is_well() -> None:
    [finding] = card.verdict([TEN_GIGABIT], load_settings(), Part.WORKER)
    assert finding.verdict is Verdict.OK
    assert finding.found == "eth0: 10 Gbit/s; workers refuse clients at 80% of that"


def test_a_line_that_nobody_knows_is_told() -> None:
    [finding] = card.verdict([], load_settings(), Part.WORKER)
    assert finding.verdict is Verdict.WARN
    assert finding.mend.startswith("WORKER_MAX_EGRESS: ")
    [on_a_desk] = card.verdict([], load_settings(), Part.UP)
    assert on_a_desk.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("limit", "workers", "verdict"),
    [(4_000_000_000, 4, Verdict.WARN), (2_500_000_000, 4, Verdict.OK), (0, 1, Verdict.WARN)],
)
def test_a_limit_above_what_the_card_carries_is_told(limit: int, workers: int, verdict: Verdict) -> None:
    [finding] = card.verdict([TEN_GIGABIT], load_settings(worker_max_egress=limit, workers=workers), Part.UP)
    assert finding.verdict is verdict


def test_control_sends_no_media() -> None:
    assert card.look(load_settings(), Part.CONTROL) == []
