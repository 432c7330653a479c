"""The list of all recordings, whatever part of it is away."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from control.records import catalogue as module
from control.records.catalogue import RecordCatalogue
from shared.errors import ErrorCode, ServiceError, redis_is_new
from shared.messages.records import Record, RecordDetails
from shared.names import RequestId
from shared.records.record_name import parse_record_name
from shared.records.store import StoreError
from shared.settings.settings import load_settings

RECORD = Record("demo_1.webm", 5, 1_700_000_000.0)
DETAILS = RecordDetails("demo_1.webm", 5, 1.0, 640, 360, False)


class NoWorkers:
    def __init__(self, *unreached: str) -> None:
        self.unreached = [*unreached]
        self.redis_is_new = False

    async def check_complete(self) -> None:
        if self.redis_is_new:
            raise redis_is_new()

    async def ask(self, *_: object) -> list[Any]:
        return []

    async def search(self, *_: object) -> tuple[list[Any], list[str]]:
        return [], self.unreached

    async def order(self, *_: object) -> tuple[list[Any], list[str]]:
        return [], self.unreached


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


async def test_a_store_that_hangs_keeps_nothing_else_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are looked up, and files read, in asyncio's own threads."""
    answers = threading.Event()
    monkeypatch.setattr(ScriptedStore, "records", lambda _: answers.wait() and [])
    monkeypatch.setattr(module, "Store", ScriptedStore)
    settings = load_settings(upload_recordings=True, s3_bucket="recordings", record_dir=str(tmp_path))
    workers: Any = NoWorkers()
    catalogue = RecordCatalogue(settings, workers)
    lists = [asyncio.create_task(catalogue.records(RequestId("r"))) for _ in range(40)]
    try:
        await asyncio.sleep(0.1)
        async with asyncio.timeout(2.0):
            assert await asyncio.to_thread(lambda: 1) == 1
    finally:
        answers.set()
        await asyncio.gather(*lists)


async def test_what_a_worker_may_still_have_is_told(tmp_path: Path) -> None:
    name = parse_record_name("demo_1.webm")
    assert name
    (tmp_path / name.text).write_bytes(b"x")
    workers: Any = NoWorkers("w2")
    catalogue = RecordCatalogue(load_settings(record_dir=str(tmp_path)), workers)
    for _ in range(2):  # it may have it, whether this folder had it or not
        assert await catalogue.delete(name, RequestId("r")) == ["w2"]
    assert not (tmp_path / name.text).exists()
    workers.unreached.clear()
    with pytest.raises(ServiceError) as refused:
        await catalogue.delete(name, RequestId("r"))
    assert refused.value.code is ErrorCode.NOT_FOUND


async def test_what_a_silent_worker_may_have_is_unavailable_and_not_missing(tmp_path: Path) -> None:
    name = parse_record_name("demo_1.webm")
    assert name
    workers: Any = NoWorkers("w2")
    catalogue = RecordCatalogue(load_settings(record_dir=str(tmp_path)), workers)
    for search in (
        lambda: catalogue.find(name, "GET", RequestId("r")),
        lambda: catalogue.still(name, 640, RequestId("r")),
    ):
        workers.unreached = ["w2"]
        with pytest.raises(ServiceError) as refused:
            await search()
        assert refused.value.code is ErrorCode.NO_WORKER
        workers.unreached = []
        workers.redis_is_new = True  # who may have it may not have announced itself again
        with pytest.raises(ServiceError, match="no_worker"):
            await search()
        workers.redis_is_new = False
        assert await search() is None
    workers.unreached = ["w2"]
    (tmp_path / name.text).write_bytes(b"x")
    assert await catalogue.find(name, "GET", RequestId("r")) == tmp_path / name.text
