"""One axis of time for all tracks: the source's spacing, lips in sync, and no step of our own."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from media.recording.frame import Frame, Wall
from media.recording.timeline import JUMP_ERROR, JUMP_SECONDS, MAX_HELD_BYTES, REPORT_SECONDS, Timeline
from tests.support.two_clocks import PICTURE, SOUND, Publisher, Seen, lips_apart, record, spacing_errors

IN_SYNC = 0.020
SPACING = 0.001
RATES = {"30": 30.0, "50": 50.0, "film": 24_000 / 1_001, "60": 60.0}


def even(begin: float, end: float, rate: float) -> list[float]:
    return [begin + number / rate for number in range(int((end - begin) * rate))]


def screen(begin: float, end: float, seed: int) -> list[float]:
    """A page that stands still at times."""
    chance, times = random.Random(seed), [begin]
    while times[-1] < end:
        times.append(times[-1] + chance.choice([0.034, 0.05, 0.1, 0.1, 0.3, 1.0]))
    return times[:-1]


def steps(sound: list[Seen], picture: list[Seen]) -> list[float]:
    """Seconds by which frames of one source are more, or less, apart than they were taken."""
    errors = [*spacing_errors(SOUND, sound), *spacing_errors(PICTURE, picture)]
    return [error for error, _ in errors if error >= SPACING]


def assert_goes_on(sound: list[Seen], picture: list[Seen]) -> None:
    for seen in (sound, picture):
        assert all(one.plays < other.plays for one, other in pairwise(seen))


def assert_spacing_is_kept(sound: list[Seen], picture: list[Seen]) -> None:
    assert not steps(sound, picture)
    assert_goes_on(sound, picture)


def assert_ends_in_sync(sound: list[Seen], picture: list[Seen], seconds: float = 10.0) -> None:
    last = [one for one in picture if one.taken > picture[-1].taken - seconds]
    assert last
    assert max(abs(lips_apart(sound, one)) for one in last) < IN_SYNC


@pytest.mark.parametrize("ppm", [(200.0, 0.0), (-100.0, 100.0)])
def test_three_hours_of_drifting_clocks_stay_in_sync(ppm: tuple[float, float]) -> None:
    """Thirty pictures a second at both ends, and a still page in between: frames cost the test time."""
    end = 3 * 3600.0
    times = [*even(0, 60, 30), *even(60, end - 60, 0.5), *even(end - 60, end, 30)]
    sound, picture = record(Publisher(0.0, end, times, ppm=ppm, noise=0.010))
    assert_ends_in_sync(sound, picture, seconds=end)
    fine = [one for one in picture if one.taken < 60 or one.taken > end - 60]
    assert all(error < SPACING for error, apart in spacing_errors(PICTURE, fine) if apart < 1)


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_clocks_that_agree_leave_the_spacing_exactly_as_it_was(rate: float) -> None:
    """Whatever the reports of an OBS add: they say when they were sent."""
    sound, picture = record(
        Publisher(0.0, 60.0, even(0, 60, rate), noise=0.020, every=(1.0, 1.0), jitter=0.030)
    )
    assert max(error for error, _ in spacing_errors(PICTURE, picture)) < 0.000_05
    assert max(error for error, _ in spacing_errors(SOUND, sound)) < 0.000_001
    assert_ends_in_sync(sound, picture, seconds=50)


streams = st.fixed_dictionaries(
    {
        "ppm": st.tuples(st.floats(-200, 200), st.floats(-200, 200)).filter(
            lambda p: abs(p[0] - p[1]) <= 200
        ),
        "delay": st.tuples(st.floats(0.0, 0.3), st.floats(0.0, 0.3)),
        "jitter": st.floats(0.0, 0.1),
        "noise": st.floats(0.0, 0.015),
        "every": st.tuples(st.floats(0.5, 5.0), st.floats(0.5, 5.0)),
        "wrong": st.dictionaries(st.integers(0, 8), st.floats(-60.0, 60.0), max_size=2),
        "seed": st.integers(0, 1 << 30),
    }
)


@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    how=st.lists(streams, min_size=1, max_size=2),
    kind=st.sampled_from([*RATES.values(), None]),
    pause=st.floats(1.0, 20.0),
)
def test_whatever_comes_the_spacing_is_kept_and_lips_are_in_sync_in_the_end(
    how: list[dict[str, object]], kind: float | None, pause: float
) -> None:
    """Publishers that succeed each other, each with clocks, delays, wraps and mistakes of its own."""
    publishers, begin = [], 0.0
    for one in how:
        # Half a second is made up for at 5 ms a second, and at half a millisecond a picture: a page has four.
        end = begin + (150.0 if kind else 300.0)
        times = even(begin, end, kind) if kind else screen(begin, end, 1)
        publishers.append(Publisher(begin, end, times, **one))  # type: ignore[arg-type]
        begin = end + pause
    sound, picture = record(*publishers)
    assert_goes_on(sound, picture)
    for publisher in publishers:
        own = [[one for one in seen if one.publisher == publisher.serial] for seen in (sound, picture)]
        apart = abs(lips_apart(own[SOUND], own[PICTURE][0]))
        # half of the first reports were wrong; and clocks that drift add to what they set apart
        assert len(steps(*own)) <= (apart > JUMP_ERROR - IN_SYNC)
    assert_ends_in_sync(sound, picture)


@pytest.mark.parametrize("wrong", [-4.9, -0.6, 0.6, 4.9])
@pytest.mark.parametrize("every", [(0.5, 3.2), (5.0, 1.0), (1.0, 5.0)])
def test_what_a_wrong_first_report_set_apart_comes_together_in_one_step(
    wrong: float, every: tuple[float, float]
) -> None:
    """Nothing else is known when the first frames are written."""
    sound, picture = record(Publisher(0.0, 90.0, even(0, 90, 30), every=every, wrong={0: wrong}, jitter=0.05))
    apart = abs(lips_apart(sound, picture[0]))
    assert steps(sound, picture) == ([] if apart < IN_SYNC else [pytest.approx(abs(wrong), abs=IN_SYNC)])
    assert_ends_in_sync(sound, picture)


def test_reports_that_come_within_seconds_set_the_first_picture_right() -> None:
    """The first keyframe of a browser is sent slowly: it is half a second late."""
    sound, picture = record(Publisher(0.0, 10.0, even(0, 10, 30), delay=(0.01, 0.5), every=(5.0, 1.0)))
    assert all(abs(lips_apart(sound, one)) < 0.001 for one in picture)


@pytest.mark.parametrize("begins", [13.9, 14.0, 14.5])
def test_a_second_publisher_is_in_sync_from_its_first_picture_on(begins: float) -> None:
    """Whether that comes before its sound or after it."""
    first = Publisher(0.0, 10.0, even(0, 10, 30), delay=(0.01, 0.2), seed=1)
    second = Publisher(14.0, 30.0, even(begins, 30, 30), delay=(0.2, 0.01), seed=2)
    sound, picture = record(first, second)
    for one in picture:
        assert abs(lips_apart([each for each in sound if each.publisher == one.publisher], one)) < 0.001
    hole = next(b.plays - a.plays for a, b in pairwise(picture) if a.publisher != b.publisher)
    assert hole == pytest.approx(begins - 10, abs=0.6)  # as long as it was, but for what the lines took


def test_without_reports_tracks_stand_as_their_fastest_packets_came() -> None:
    sound, picture = record(
        Publisher(0.0, 20.0, even(0, 20, 30), delay=(0.02, 0.05), jitter=0.05, reports=False)
    )
    assert all(lips_apart(sound, one) == pytest.approx(0.03, abs=0.02) for one in picture)
    assert_spacing_is_kept(sound, picture)


def test_a_publisher_that_sets_its_clock_moves_nothing() -> None:
    sound, picture = record(
        Publisher(0.0, 90.0, even(0, 90, 30), step=(30.0, -3.0), every=(5.0, 1.0), noise=0.001)
    )
    assert_spacing_is_kept(sound, picture)
    assert all(abs(lips_apart(sound, one)) < IN_SYNC for one in picture)


def frame(timestamp: int, wall: float | None = None, source: int = 0, size: int = 0) -> Frame:
    return Frame(timestamp, bytes(size), source=(source,), wall=None if wall is None else Wall(1, wall))


@pytest.mark.parametrize("late", [2.0, -2.0])
def test_a_jump_that_no_timestamp_shows_is_made_once_and_ahead(late: float) -> None:
    """One track's encoder stood still: its timestamps say nothing of that, its reports do."""
    timeline, plays = Timeline([48_000, 90_000], SOUND), ([], [])  # type: ignore[var-annotated]
    for number in range(3_000):
        at = number / 30
        jumped = late if at > 20 else 0.0
        for track, rate in ((SOUND, 48_000), (PICTURE, 90_000)):
            wall = 4_000.0 + at + (abs(jumped) if (track == PICTURE) == (late > 0) else 0.0)
            for one in timeline.push(track, frame(round(at * rate), wall), at):
                plays[track].append(one.seconds)
    steps = [[b - a for a, b in pairwise(each)] for each in plays]
    assert min(map(min, steps)) > 0.03
    assert sorted(len([step for step in each if step > 1.0]) for each in steps) == [0, 1]
    assert max(map(max, steps)) == pytest.approx(2.0 + 1 / 30, abs=0.01)
    assert plays[PICTURE][-1] - plays[SOUND][-1] == pytest.approx(late, abs=0.01)
    assert plays[PICTURE][int(30 * (20 + JUMP_SECONDS)) - 2] == pytest.approx(20 + JUMP_SECONDS, abs=0.1)


@pytest.mark.parametrize("stands_still", [SOUND, PICTURE])
def test_a_track_whose_clock_stood_still_for_long_comes_back_in_sync(stands_still: int) -> None:
    """A call took the microphone of a phone: nothing comes, and the timestamps go on where they ended."""
    timeline, plays = Timeline([48_000, 90_000], SOUND), ([], [])  # type: ignore[var-annotated]
    for number in range(3_000):
        at = number / 30
        for track, rate in ((SOUND, 48_000), (PICTURE, 90_000)):
            if track == stands_still and 20 <= at < 40:
                continue
            lost = 20.0 if track == stands_still and at >= 40 else 0.0
            for one in timeline.push(track, frame(round((at - lost) * rate), 4_000.0 + at), at):
                plays[track].append((one.arrived, one.seconds))
    for each in plays:
        assert all(one[1] < other[1] for one, other in pairwise(each))
    (sound_at, sound), (picture_at, picture) = plays[SOUND][-1], plays[PICTURE][-1]
    assert picture - sound == pytest.approx(picture_at - sound_at, abs=0.01)


@pytest.mark.parametrize("paused", [SOUND, PICTURE])
@pytest.mark.parametrize("every", [(0.5, 3.2), (5.0, 1.0), (1.0, 5.0), None])
def test_a_track_that_was_switched_off_comes_back_in_sync_at_once(
    paused: int, every: tuple[float, float] | None
) -> None:
    """`replaceTrack(null)` in Chromium: the timestamps of sound go on where they ended."""
    sound, picture = record(
        Publisher(
            0.0,
            50.0,
            even(0, 50, 30),
            every=every or (5.0, 1.0),
            reports=every is not None,
            jitter=0.02,
            pause=(paused, 20.0, 40.0),
        )
    )
    assert_spacing_is_kept(sound, picture)
    within = IN_SYNC if every else 0.1
    assert all(abs(lips_apart(sound, one)) < within for one in picture if not 19.8 < one.taken < 40)


@pytest.mark.parametrize("paused", [SOUND, PICTURE])
@pytest.mark.parametrize("reports", [True, False])
def test_what_was_held_up_on_its_way_plays_where_it_was_taken(paused: int, reports: bool) -> None:
    sound, picture = record(
        Publisher(0.0, 50.0, even(0, 50, 30), reports=reports, pause=(paused, 20.0, 24.0), held=True)
    )
    assert_spacing_is_kept(sound, picture)
    assert all(abs(lips_apart(sound, one)) < 0.1 for one in picture)


def test_reports_that_are_absurd_change_nothing() -> None:
    timeline, plays = Timeline([48_000, 90_000], SOUND), []
    for number in range(3_000):
        for track, rate, wall in ((SOUND, 48_000, 4_000.0), (PICTURE, 90_000, 9_000.0)):
            at = number / 30
            for one in timeline.push(track, frame(round(at * rate), wall + at), at):
                plays.append(one.seconds - one.frame.timestamp / rate if one.track == track else math.nan)
    assert max(plays) - min(plays) < 0.001


def test_frames_wait_for_reports_for_a_time_and_within_bounds() -> None:
    timeline = Timeline([48_000, 90_000], SOUND)
    assert len(timeline.push(SOUND, frame(0), 0.0)) == 1  # alone there is nothing to compare
    assert timeline.push(PICTURE, frame(0), 1.0) == []
    assert timeline.push(PICTURE, frame(1_500), 2.0) == []
    assert timeline.poll(1.0 + REPORT_SECONDS - 0.1) == []
    assert [one.track for one in timeline.poll(1.0 + REPORT_SECONDS)] == [PICTURE, PICTURE]
    assert len(timeline.push(PICTURE, frame(3_000), 5.0)) == 1
    assert timeline.push(PICTURE, frame(6_000, source=2), 6.0) == []
    assert timeline.push(PICTURE, frame(9_000, source=2, size=MAX_HELD_BYTES // 2), 6.0) == []
    assert len(timeline.push(PICTURE, frame(12_000, source=2, size=MAX_HELD_BYTES // 2 + 1), 6.0)) == 3
    assert timeline.push(PICTURE, frame(15_000, source=3), 7.0) == []
    assert len(timeline.close()) == 1


def test_a_track_without_another_one_waits_when_it_comes_back() -> None:
    timeline = Timeline([48_000], SOUND)
    assert len(timeline.push(SOUND, frame(0), 0.0)) == len(timeline.push(SOUND, frame(960), 0.02)) == 1
    assert timeline.push(SOUND, frame(1_920, source=2), 9.0) == []
    assert [one.seconds for one in timeline.poll(9.0 + REPORT_SECONDS)] == [pytest.approx(9.0)]


def test_sound_that_comes_later_stands_beside_the_picture() -> None:
    timeline = Timeline([48_000, 90_000], SOUND)
    assert [one.seconds for one in timeline.push(PICTURE, frame(0), 10.0)] == [10.0]
    assert [one.seconds for one in timeline.push(PICTURE, frame(90_000), 10.9)] == [11.0]
    assert timeline.push(SOUND, frame(5 * 48_000, source=7), 12.5) == []
    # the fastest picture took a tenth of a second less than the first, by which it stands
    assert [one.seconds for one in timeline.close()] == [pytest.approx(12.6)]


@pytest.mark.parametrize(
    ("taken", "publisher", "plays"),
    [
        (102.7, 1, 12.7),
        (102.7, 2, 12.6),  # another one's clock says nothing
        (107.5, 1, 17.5),
        (107.7, 1, 12.6),  # that is absurd
    ],
)
def test_sound_that_comes_later_stands_where_reports_say(taken: float, publisher: int, plays: float) -> None:
    timeline = Timeline([48_000, 90_000], SOUND)
    timeline.push(PICTURE, frame(0, wall=100.0), 10.0)
    timeline.push(PICTURE, frame(90_000, wall=101.0), 10.9)
    sound = Frame(5 * 48_000, b"", source=(7,), wall=Wall(publisher, taken))
    assert [one.seconds for one in timeline.push(SOUND, sound, 12.5)] == [pytest.approx(plays)]


def moved(error: float, *elapsed: float) -> list[float]:
    """By how much a picture is moved with each frame that comes so long after the one before."""
    timeline, at, moves = Timeline([48_000, 90_000], SOUND), 0.0, []
    timeline.push(SOUND, frame(0, wall=100.0), 0.0)
    (placed,) = timeline.push(PICTURE, frame(0, wall=100.0), 0.0)
    offset = placed.seconds
    for seconds in elapsed:
        at += seconds
        (placed,) = timeline.push(PICTURE, frame(round(at * 90_000), wall=100.0 + at + error), at)
        moves.append(placed.seconds - at - offset)
        offset = placed.seconds - at
    return moves


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("error", "elapsed", "step"),
    [
        (0.009, 0.1, 0.0),  # so little is not seen
        (0.02, 0.1, 0.02 * 0.1 / 10.0),  # in ten seconds
        (0.4, 0.05, 0.005 * 0.05),  # by 5 ms a second at most, ...
        (0.4, 0.2, 0.000_5),  # ... half a millisecond a frame ...
        (0.4, 2.0, 0.001),  # ... or a second
        (0.4, -0.5, 0.0),  # one that is shown before
    ],
)
def test_a_track_is_moved_too_slowly_to_be_seen(error: float, elapsed: float, step: float, sign: int) -> None:
    assert moved(sign * error, elapsed) == [pytest.approx(sign * step, abs=1e-9)]


def test_a_track_that_moves_does_so_until_it_is_where_it_belongs() -> None:
    steps = moved(0.02, *[5.0] * 12)
    assert sum(steps) == pytest.approx(0.02, abs=0.001)
    assert steps[-1] == 0.0


@pytest.mark.parametrize(("pace", "behind"), [(0.1, 1 / 30), (0.02, 0.02)])
def test_a_source_that_would_play_before_what_is_written_goes_on_right_behind_it(
    pace: float, behind: float
) -> None:
    timeline = Timeline([48_000, 90_000], SOUND)
    timeline.push(SOUND, frame(0, wall=100.0), 0.0)
    for number in range(3):
        at = number * pace
        (last,) = timeline.push(PICTURE, frame(round(at * 90_000), wall=100.0 + at), at)
    (first,) = timeline.push(PICTURE, frame(0, wall=100.0, source=2), 2 * pace)
    assert first.seconds - last.seconds == pytest.approx(behind)
