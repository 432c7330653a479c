"""One axis of time for all tracks: arrival first, sender reports later, never a step."""

import pytest

from media.recording.timeline import SLEW, Timeline

AUDIO, VIDEO = 0, 1


def timeline() -> Timeline:
    return Timeline([48_000, 90_000], AUDIO)


def test_before_any_report_tracks_stand_as_they_arrived() -> None:
    time = timeline()
    begin = time.seconds(AUDIO, 5_000, 10.0)
    assert time.seconds(VIDEO, 7_000, 10.04) - begin == pytest.approx(0.04)
    assert time.seconds(VIDEO, 7_000 + 90_000, 99.0) - begin == pytest.approx(1.04)


def test_reports_move_the_picture_to_the_sound_slowly() -> None:
    time = timeline()
    begin = time.seconds(AUDIO, 0, 10.0)
    time.seconds(VIDEO, 0, 10.1)  # 100 ms late, but taken at the same instant:
    time.report(AUDIO, 5_000.0, 0)
    time.report(VIDEO, 5_000.0, 0)
    before = 0.1
    for number in range(1, 61):
        now = time.seconds(VIDEO, 3_000 * number, 0.0) - begin
        assert 0 < now - before <= 1 / 30 * (1 + SLEW) + 1e-9
        assert now - before >= 1 / 30 * (1 - SLEW) - 1e-9
        before = now
    assert before == pytest.approx(2.0)


def test_sound_is_never_moved() -> None:
    time = timeline()
    time.seconds(VIDEO, 0, 9.0)
    begin = time.seconds(AUDIO, 0, 10.0)
    time.report(AUDIO, 5_000.0, 0)
    time.report(VIDEO, 5_003.0, 0)
    assert time.seconds(AUDIO, 480_000, 99.0) - begin == pytest.approx(10.0)


def test_reports_that_are_absurd_change_nothing() -> None:
    time = timeline()
    begin = time.seconds(AUDIO, 0, 10.0)
    time.seconds(VIDEO, 0, 10.0)
    time.report(AUDIO, 5_000.0, 0)
    time.report(VIDEO, 9_000.0, 0)
    assert time.seconds(VIDEO, 90_000, 0.0) - begin == pytest.approx(1.0)


def test_a_report_may_come_before_its_track_and_wrap() -> None:
    time = timeline()
    time.report(VIDEO, 1.0, 0)  # nothing of it has come yet
    begin = time.seconds(AUDIO, 0, 10.0)
    time.seconds(VIDEO, 0x1_0000_0000 - 90_000, 10.0)
    time.report(AUDIO, 5_001.0, 48_000)
    time.report(VIDEO, 5_001.0, 0)  # 1 s after the first picture, over the wrap
    assert time.seconds(VIDEO, 0x1_0000_0000 + 90_000, 0.0) - begin == pytest.approx(2.0)
