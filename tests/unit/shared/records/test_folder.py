"""The folder of recordings as others see it, while it changes."""

from pathlib import Path

import pytest

from shared.records import folder as folder_module
from shared.records.folder import list_folder
from shared.records.record_name import RecordName, parse_record_name


def test_a_file_that_is_deleted_meanwhile_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tmp_path / f"demo_{number}.webm").touch()

    def parse_and_delete(text: str) -> RecordName | None:
        (tmp_path / "demo_2.webm").unlink(missing_ok=True)
        return parse_record_name(text)

    monkeypatch.setattr(folder_module, "parse_record_name", parse_and_delete)
    names = {record.name for record in list_folder(tmp_path)}
    assert names == {f"demo_{number}.webm" for number in (0, 1, 3, 4)}
