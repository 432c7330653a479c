"""What is left of memory: of the host, or of the control group that has the least left."""

from pathlib import Path

import pytest

from shared.telemetry import memory_metrics
from shared.telemetry.memory_metrics import memory

GIB = 1 << 30


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with 8 of 16 GiB left, and this process in a group of a group without limits."""
    (tmp_path / "meminfo").write_text(
        f"MemTotal: {16 * GIB // 1024} kB\nMemFree: 5 kB\nMemAvailable: {8 * GIB // 1024} kB\nHugePages: 0\n"
    )
    (tmp_path / "own").write_text("1:cpu:/\n0::/system.slice/roomcast.service\n")
    group(tmp_path / "groups/system.slice/roomcast.service", "max", 3 * GIB)
    for name, path in {"HOST": "meminfo", "OWN_GROUP": "own", "GROUPS": "groups"}.items():
        monkeypatch.setattr(memory_metrics, name, tmp_path / path)
    return tmp_path


def group(folder: Path, limit: int | str, used: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 7\ninactive_file {GIB}\n")


def test_without_a_limit_it_is_the_host_s(machine: Path) -> None:
    assert memory() == (8 * GIB, 16 * GIB)


def test_files_that_were_read_count_as_left(machine: Path) -> None:
    group(machine / "groups/system.slice/roomcast.service", 4 * GIB, 3 * GIB)
    assert memory() == (2 * GIB, 4 * GIB)


def test_a_group_further_up_may_have_less(machine: Path) -> None:
    group(machine / "groups/system.slice/roomcast.service", 4 * GIB, 3 * GIB)
    group(machine / "groups/system.slice", 6 * GIB, 6 * GIB)
    assert memory() == (GIB, 6 * GIB)


def test_without_control_groups_of_version_2_it_is_the_host_s(machine: Path) -> None:
    (machine / "own").write_text("4:memory:/a\n")
    assert memory() == (8 * GIB, 16 * GIB)


def test_elsewhere_than_on_linux_it_is_not_known(machine: Path) -> None:
    (machine / "meminfo").unlink()
    assert memory() is None
