"""What is said of a recording in the name of an object, and the pictures in it."""

import pytest

from shared.messages.records import MOST_SECONDS, RecordDetails
from shared.records.details import (
    belongs_to,
    details_name,
    pack_pictures,
    parse_details_name,
    picture_in,
)
from shared.records.record_name import parse_record_name

ALL = RecordDetails("demo_1710123456.webm", 1_048_576, 62.4, 1280, 720, True)


@pytest.mark.parametrize(
    "details",
    [
        ALL,
        ALL._replace(seconds=None),
        ALL._replace(name="a_video0_1.ivf", size=0, seconds=0.0),
        ALL._replace(name="a_audio0_1.ogg", width=0, height=0, has_stills=False),
        ALL._replace(name="a_1_1.webm", seconds=float(MOST_SECONDS)),
    ],
)
def test_what_is_written_is_read(details: RecordDetails) -> None:
    assert parse_details_name(details_name(details), 9 if details.has_stills else 0) == details


@pytest.mark.parametrize(
    "text",
    [
        "",
        "demo_1710123456.webm",
        "demo_1710123456.webm.5.6",
        "demo_1710123456.webm.5.6.1x",
        "demo_1710123456.webm.-5.6.1x1",
        "demo_1710123456.webm.5.6.99999x1",
        "demo_1710123456.webm.5.999999999999.1x1",
        "demo_1710123456.webm.5.6.1x1.jpg",
        "demo_1710123456.exe.5.6.1x1",
        "../demo_1.webm.5.6.1x1",
        "..demo_1.webm.5.6.1x1\n",
        "demo_1710123456.webm.٥.6.1x1",
    ],
)
def test_other_names_say_nothing(text: str) -> None:
    assert parse_details_name(text, 5) is None


def test_details_belong_to_one_recording_only() -> None:
    demo = parse_record_name("demo_1.webm")
    assert demo is not None
    assert belongs_to("demo_1.webm.5.6.1x1", demo)
    for other in ("demo_1.webm", "demo_12.webm.5.6.1x1", "xdemo_1.webm.5.6.1x1", "demo_1.webm.new"):
        assert not belongs_to(other, demo)


def test_pictures_are_found_by_their_width_and_damage_is_no_picture() -> None:
    content = pack_pictures({320: b"small", 640: b"large"})
    assert picture_in(content, 320) == b"small"
    assert picture_in(content, 641) is None
    assert pack_pictures({}) == b""
    for damaged in (b"", content[:-1], b"\xff" + content, b"\x81\xcd\x01\x40\xc4\x00"):
        assert picture_in(damaged, 320) is None
