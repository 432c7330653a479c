"""What viewers report is summed by room: bounded, and without the names of rooms that are not listed."""

from prometheus_client import CollectorRegistry, generate_latest

from control.workers.viewing_reports import MOST_ROOMS, Viewing, ViewingSeries, viewing_facts

SEEN = Viewing(
    seconds=30,
    first_picture=0.5,
    stills=2,
    still_seconds=1.25,
    concealed_seconds=0.25,
    lines=720,
    latency=0.4,
)
LATER = Viewing(seconds=10, lines=360, latency=0.2)


def added(*viewings: Viewing) -> dict[str, int]:
    sums: dict[str, int] = {}
    for viewing in viewings:
        for figure, value in viewing.sums().items():
            sums[figure] = sums.get(figure, 0) + value
    return sums


def test_other_systems_get_sums_and_means() -> None:
    assert viewing_facts(added(SEEN, LATER)) == {
        "reports": 2,
        "seconds": 40.0,
        "stills": 2,
        "stillSeconds": 1.25,
        "concealedSeconds": 0.25,
        "firstPicture": 0.5,
        "latency": 0.3,
        "lines": 540,
    }


def test_a_mean_of_nothing_is_left_out() -> None:
    assert viewing_facts(added(Viewing(seconds=5))) == {
        "reports": 1,
        "seconds": 5.0,
        "stills": 0,
        "stillSeconds": 0.0,
        "concealedSeconds": 0.0,
    }


def test_rooms_have_series_and_those_that_are_not_listed_have_one_together() -> None:
    registry = CollectorRegistry()
    series = ViewingSeries(registry, lambda room: not room.startswith("hidden"))
    for room in ("demo", "demo", "hidden-1", "hidden-2"):
        series.add(room, SEEN.sums(), was_listed=True)
    text = generate_latest(registry).decode()
    for line in (
        'roomcast_viewing_reports_total{room="demo"} 2.0',
        'roomcast_viewing_reports_total{room=""} 2.0',
        'roomcast_viewing_still_seconds_total{room="demo"} 2.5',
        'roomcast_viewing_first_picture_seconds_sum{room="demo"} 1.0',
        'roomcast_viewing_latency_seconds_count{room="demo"} 2.0',
        'roomcast_viewing_lines_sum{room="demo"} 1440.0',
    ):
        assert line in text.splitlines()
    assert "hidden" not in text


def test_a_room_that_was_not_listed_when_its_viewer_came_is_not_named() -> None:
    """Its settings end with it, and players send their last report after that."""
    registry = CollectorRegistry()
    series = ViewingSeries(registry, lambda _: True)
    series.add("hidden", SEEN.sums(), was_listed=False)
    text = generate_latest(registry).decode()
    assert 'roomcast_viewing_reports_total{room=""} 1.0' in text.splitlines()
    assert "hidden" not in text


def test_a_room_that_is_listed_no_longer_is_named_no_longer() -> None:
    registry, listed = CollectorRegistry(), {"demo"}
    series = ViewingSeries(registry, listed.__contains__)
    series.add("demo", SEEN.sums(), was_listed=True)
    listed.clear()
    assert b"demo" not in generate_latest(registry)


def test_the_room_that_was_told_of_longest_ago_counts_among_the_others() -> None:
    registry = CollectorRegistry()
    series = ViewingSeries(registry, lambda _: True)
    for number in range(MOST_ROOMS):
        series.add(f"r{number}", SEEN.sums(), was_listed=True)
    series.add("r0", SEEN.sums(), was_listed=True)
    series.add("one-more", SEEN.sums(), was_listed=True)
    text = generate_latest(registry).decode()
    assert text.count("roomcast_viewing_reports_total{") == MOST_ROOMS + 1
    assert 'roomcast_viewing_seconds_total{room=""} 30.0' in text.splitlines()
    assert 'room="r1"' not in text
    assert 'room="r0"' in text
