"""What the kernel grants a process."""

import resource
from pathlib import Path

import pytest

from deploy.doctor import limits
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from media.transport.socket_buffers import ASKED_BYTES, Granted
from shared.settings.settings import load_settings
from shared.telemetry import memory_metrics

ALL, HALF = Granted(ASKED_BYTES, ASKED_BYTES), Granted(ASKED_BYTES // 2, ASKED_BYTES)


def test_small_buffers_are_told_with_the_line_that_mends_them() -> None:
    finding = limits.buffers(HALF, HALF)
    assert finding.verdict is Verdict.WARN
    assert "grants 4 MiB to receive and 8 MiB to send" in finding.found
    assert finding.mend.startswith("sysctl -w net.core.rmem_max=8388608 net.core.wmem_max=8388608 ")


def test_buffers_as_asked_are_well() -> None:
    assert limits.buffers(ALL, ALL).found == "8 MiB each way, as workers ask"


def test_buffers_that_only_this_user_gets_are_told() -> None:
    finding = limits.buffers(ALL, HALF)
    assert finding.verdict is Verdict.OK
    assert "other users get 4 MiB" in finding.found


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(1_024, Verdict.WARN), (65_536, Verdict.OK), (resource.RLIM_INFINITY, Verdict.OK)],
)
def test_open_files_are_compared_with_what_control_may_want(limit: int, verdict: Verdict) -> None:
    finding = limits.files(limit, 12_128)
    assert finding.verdict is verdict
    assert bool(finding.mend) is (verdict is Verdict.WARN)


def test_this_host_is_looked_at() -> None:
    assert [finding.about for finding in limits.look(load_settings(), Part.UP)] == [
        "socket buffers",
        "open files",
    ]


@pytest.mark.parametrize(
    ("texts", "warns"),
    [
        (["max 100000"], False),
        (["max 100000", "50000 100000"], True),  # the group above
        (["100000 100000"], False),
        (["20000 100000"], True),
        (["rubbish"], False),
        ([], False),
    ],
)
def test_a_cpu_quota_below_a_core_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: list[str], warns: bool
) -> None:
    """`texts`: cpu.max of this control group and of those above it, in a tree as the kernel shows it."""
    folder = tmp_path.joinpath(*("group" for _ in texts))
    folder.mkdir(parents=True, exist_ok=True)
    for text, path in zip(texts, [folder, *folder.parents], strict=False):
        (path / "cpu.max").write_text(text + "\n")
    own = tmp_path / "cgroup"
    own.write_text(f"0::/{folder.relative_to(tmp_path)}\n")
    monkeypatch.setattr(memory_metrics, "GROUPS", tmp_path)
    monkeypatch.setattr(memory_metrics, "OWN_GROUP", own)
    findings = [one for one in limits.look(load_settings(), Part.WORKER) if one.about == "CPU"]
    assert [one.verdict for one in findings] == [Verdict.WARN] * warns
