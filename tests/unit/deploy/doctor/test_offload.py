"""UDP offload, as this kernel really does it, and as one without it."""

import pytest

from deploy.doctor import offload
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from shared.settings.settings import load_settings

UNKNOWN_OPTION = 999


def test_this_kernel_splits_and_joins() -> None:
    assert offload.splits()
    assert offload.joins()


@pytest.mark.parametrize(("option", "word"), [("UDP_SEGMENT", "GSO"), ("UDP_GRO", "GRO")])
def test_a_kernel_that_does_not_is_told(option: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, option, UNKNOWN_OPTION)  # which the kernel refuses
    [finding] = offload.look(load_settings(), Part.WORKER)
    assert finding.verdict is Verdict.WARN
    assert word in finding.found


def test_runs_that_arrive_cut_off_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "COUNT", 70)  # longer than a datagram may be
    assert not offload.splits()
