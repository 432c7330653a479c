"""The list of all recordings, whatever part of it is away."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from control.records import catalogue as module
from control.records.catalogue import RecordCatalogue
from shared.messages.records import Record, RecordDetails
from shared.names import RequestId
from shared.records.store import StoreError
from shared.settings.settings import load_settings

RECORD = Record("demo_1.webm", 5, 1_700_000_000.0)
DETAILS = RecordDetails("demo_1.webm", 5, 1.0, 640, 360, False)


class NoWorkers:
    async def ask(self, *_: object) -> list[Any]:
        return []


class ScriptedStore:
    """Its `.details/` are away."""

    away = True

    def __init__(self, _settings: object) -> None: ...

    def records(self) -> list[Record]:
        return [RECORD]

    def details(self) -> list[RecordDetails]:
        if self.away:
            raise StoreError("ListObjectsV2: AccessDenied")
        return [DETAILS]


async def test_recordings_whose_details_cannot_be_listed_are_listed_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "Store", ScriptedStore)
    workers: Any = NoWorkers()
    settings = load_settings(upload_recordings=True, s3_bucket="recordings", record_dir=str(tmp_path))
    catalogue = RecordCatalogue(settings, workers)
    with capture_logs() as logs:
        for _ in range(3):
            assert await catalogue.records(RequestId("r")) == ([RECORD], {})
    assert [line["event"] for line in logs] == ["store does not list .details/"]
    monkeypatch.setattr(ScriptedStore, "away", False)
    assert await catalogue.records(RequestId("r")) == ([RECORD], {("demo_1.webm", 5): DETAILS})
