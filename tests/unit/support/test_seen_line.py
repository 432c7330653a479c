"""What a viewer saw is counted as it was."""

import pytest

from tests.support.seen_line import Look, SeenLine


def look(at: float, *, octets: int = 0, decoded: int = 0, samples: int = 0, concealed: int = 0) -> Look:
    return Look(at, octets, 0.0, decoded, 0, 0, 0, 0, 0, samples, concealed, 0.0, 0, 0)


def test_a_span_is_between_the_looks_before_its_ends() -> None:
    seen = SeenLine(
        [
            look(10.0),
            look(11.0, octets=1000, decoded=5, samples=100, concealed=10),
            look(12.1, octets=9000, decoded=9, samples=300, concealed=10),
        ]
    )
    span = seen.between(10.5, 12.0)
    assert span.frames == 5
    assert [span.bitrate, span.concealed] == pytest.approx([8000, 0.1])
    assert seen.between(11.0, 13.0).concealed == 0
    assert seen.between(9.0, 9.5).frames == 0


def test_gaps_reach_to_the_ends() -> None:
    seen = SeenLine([look(0.0)], [(1.0, 180), (1.1, 180), (3.0, 90), (3.2, 180)])
    assert seen.gaps(0.5, 4.0) == pytest.approx([0.5, 0.1, 1.9, 0.2, 0.8])
    assert seen.heights(0.5, 4.0) == [180, 90, 180]
    assert seen.first(90, since=1.0) == 2.0
    assert seen.first(360, since=1.0) is None
