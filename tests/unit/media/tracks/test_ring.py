"""A ring loses what it is to lose, and stays as long as it is."""

import pytest

from media.tracks.ring import empty


@pytest.mark.parametrize("first", [0, 5, 7, 8, 2**40 + 3])
@pytest.mark.parametrize("count", [0, 1, 3, 7, 8, 9, 1000])
def test_the_places_of_so_many_indices_are_emptied(first: int, count: int) -> None:
    ring = [*range(8)]
    empty(ring, first, count)
    emptied = {index % 8 for index in range(first, first + count)}
    assert ring == [None if place in emptied else place for place in range(8)]
