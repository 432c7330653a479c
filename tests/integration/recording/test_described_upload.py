"""What a recording holds reaches the store with it, whatever the store refuses meanwhile."""

from pathlib import Path

from media.recording.journal import Journal
from media.recording.upload import Uploader
from shared.messages.records import RecordDetails
from shared.records.details import FOLDER, Described, details_name
from shared.records.details_folder import read_content, write_details
from shared.records.record_name import RecordName
from tests.integration.recording.test_upload import all_done, name_of, store_of, unheard
from tests.support.s3_server import BUCKET, S3Server

FIRST, SECOND = "demo_1.webm", "demo_2.webm"


async def test_what_a_recording_holds_goes_there_with_it(s3: S3Server, tmp_path: Path) -> None:
    """First of all, so that nothing large is sent again because of it; and is deleted here with it."""
    journal = Journal(tmp_path)
    for name in (FIRST, SECOND):
        journal.began(name)
        (tmp_path / name).write_bytes(b"a recording")
        journal.finished(name)
    described: list[str] = []

    def describe(name: RecordName) -> Described:
        size = (tmp_path / name.text).stat().st_size
        details = RecordDetails(name.text, size, 2.5, 640, 360, True)
        write_details(tmp_path, name, details, {640: b"large", 320: b"small"})
        described.append(name.text)
        return Described(details, read_content(tmp_path, details))

    s3.refuse = 1
    uploader = Uploader(lambda: store_of(s3), Journal(tmp_path), tmp_path, unheard, describe, delete=True)
    uploader.start()
    try:
        await all_done(tmp_path)
    finally:
        uploader.stop()
        uploader.join()
    assert described == [FIRST, FIRST, SECOND]  # the store refused the first
    store = store_of(s3)
    assert {details.name for details in store.details()} == {FIRST, SECOND}
    assert {record.name for record in store.records()} == {FIRST, SECOND}
    assert store.picture(name_of(FIRST), 320) == b"small"
    assert not list((tmp_path / FOLDER).iterdir())
    store.delete(name_of(FIRST))
    assert [details.name for details in store.details()] == [SECOND]
    assert store.picture(name_of(FIRST), 320) is None


def details_of(name: str) -> Described:
    return Described(RecordDetails(name, 11, 2.5, 640, 360, True), b"pictures")


async def test_nothing_stays_of_a_recording_that_is_deleted_before_it_is_sent(
    s3: S3Server, tmp_path: Path
) -> None:
    journal = Journal(tmp_path)
    journal.began(FIRST)
    (tmp_path / FIRST).write_bytes(b"a recording")
    journal.finished(FIRST)

    def describe(name: RecordName) -> Described:
        (tmp_path / name.text).unlink()  # and its details go into the store after that
        return details_of(name.text)

    uploader = Uploader(lambda: store_of(s3), Journal(tmp_path), tmp_path, unheard, describe, delete=False)
    uploader.start()
    try:
        await all_done(tmp_path)
    finally:
        uploader.stop()
        uploader.join()
    assert f"PUT /{BUCKET}/live/{FOLDER}/{details_name(details_of(FIRST).details)}" in s3.requests
    assert s3.objects() == {}


async def test_what_is_known_of_a_recording_that_lies_in_the_store_only_stays(
    s3: S3Server, tmp_path: Path
) -> None:
    """A worker was killed when it had sent all and deleted the file, and had yet to say so."""
    journal = Journal(tmp_path)
    journal.began(FIRST)
    journal.finished(FIRST)
    store = store_of(s3)
    store.put(FIRST, b"a recording", "video/webm")
    store.put_details(*details_of(FIRST))
    uploader = Uploader(lambda: store, Journal(tmp_path), tmp_path, unheard, delete=True)
    uploader.start()
    try:
        await all_done(tmp_path)
    finally:
        uploader.stop()
        uploader.join()
    assert [details.name for details in store.details()] == [FIRST]
