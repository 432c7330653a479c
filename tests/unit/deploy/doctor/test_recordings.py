"""The folder of the recordings, on real disks: root may write anywhere but on one that is read-only."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.doctor import recordings
from deploy.doctor.finding import Finding, Verdict
from deploy.doctor.part import Part
from shared.settings.settings import load_settings
from tests.support.disk import read_only, small_disk


def found(folder: Path) -> Finding:
    [finding] = recordings.look(load_settings(record_enabled=True, record_dir=str(folder)), Part.WORKER)
    return finding


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 1 << 20) as folder:
        yield folder


def test_a_folder_that_a_worker_will_make_is_well_and_stays_unmade(tmp_path: Path) -> None:
    assert "GB free" in found(tmp_path / "to" / "come").found
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_disk_is_a_failure(disk: Path) -> None:
    read_only(disk)
    finding = found(disk)
    assert finding.verdict is Verdict.FAIL
    assert finding.found == f"{disk} cannot be written: Read-only file system"


def test_a_full_disk_is_a_failure(disk: Path) -> None:
    (disk / "large").write_bytes(bytes((1 << 20) - 4096))
    finding = found(disk)
    assert finding.verdict is Verdict.FAIL


def test_a_file_in_the_way_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = found(tmp_path / "file")
    assert finding.verdict is Verdict.FAIL
    assert "Not a directory" in finding.found


@pytest.mark.parametrize(
    ("free", "forms", "verdict", "hours"),
    [
        (90_000_000, 1, Verdict.FAIL, "0 hours"),
        (5_000_000_000, 1, Verdict.WARN, "4 hours"),
        (18_000_000_000, 1, Verdict.OK, "16 hours"),
        (9_000_000_000, 2, Verdict.WARN, "4 hours"),
    ],
)
def test_free_space_is_told_in_hours(free: int, forms: int, verdict: Verdict, hours: str) -> None:
    finding = recordings.room(Path("/recordings"), free, forms)
    assert finding.verdict is verdict
    assert hours in finding.found


def test_without_recording_there_is_nothing_to_say() -> None:
    assert recordings.look(load_settings(), Part.UP) == []
    assert recordings.look(load_settings(record_enabled=True), Part.CONTROL) == []
