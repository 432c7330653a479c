"""Threads call the disk, which may hang, and the event loop never does."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from media.recording import recorder
from media.recording.shelf import Shelf
from shared.errors import ServiceError
from shared.messages.records import DeleteRecord, ListRecords, ShareRecord
from tests.integration.recording.recorded_room import STEADY, Room, Streams, running


@pytest.fixture
def disk_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The calls that this thread makes to the disk, where the recordings are."""
    calls: list[str] = []
    here = threading.get_ident()

    def watch(name: str) -> None:
        real = getattr(os, name)

        def watched(*args: Any, **how: Any) -> Any:
            if threading.get_ident() == here:
                where = args[0] if not isinstance(args[0], int) else os.readlink(f"/proc/self/fd/{args[0]}")
                if str(tmp_path) in os.fsdecode(where):
                    calls.append(name)
            return real(*args, **how)

        monkeypatch.setattr(os, name, watched)

    for name in (
        *("stat", "lstat", "fstat", "scandir", "listdir", "unlink", "remove", "rename", "mkdir", "open"),
        *("pwrite", "write", "read", "ftruncate", "fsync"),
    ):
        watch(name)
    real_open = Path.open

    def open_path(path: Path, *args: Any, **how: Any) -> Any:
        if threading.get_ident() == here:
            calls.append("Path.open")
        return real_open(path, *args, **how)

    monkeypatch.setattr(Path, "open", open_path)
    return calls


async def test_the_event_loop_never_calls_the_disk(
    tmp_path: Path, streams: Streams, disk_calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording's life: made, listed, shared, deleted, cleared, waited for."""
    monkeypatch.setattr(recorder, "REST_SECONDS", 1.0)
    folder = tmp_path / "records"
    shelf = Shelf(folder, "http://127.0.0.1:1")
    settings = {"s3_bucket": "none", "s3_endpoint": "http://127.0.0.1:1", "upload_recordings": True}
    async with running(folder, record_keep_days=1, **settings) as ours:
        room = Room(ours, "opus", "VP8")
        rounds = iter(range(10))
        await room.send_until(lambda: next(rounds) > 5, *streams, every=STEADY)
        await room.close()
        names = [record.name for record in (await shelf.list_records(ListRecords())).records]
        assert len(names) == 3
        await shelf.share(ShareRecord(name=names[0]))
        assert (await shelf.delete(DeleteRecord(name=names[0]))).existed
        with pytest.raises(ServiceError):
            await shelf.share(ShareRecord(name=names[0]))
    assert disk_calls == []
