"""What is read out of any run; the runs themselves are tested beside `media/pure`."""

import pytest

from media.rtp.run import NOT_KEPT, between, by_picture, datagrams_of, id_table
from tests.support.far_end import one_byte, rtp
from tests.support.runs import indexes, run_of, sized


def test_a_whole_run_is_not_made_anew() -> None:
    run = sized(10, 1, 2, 3)
    assert between(run, 10, 13) is run
    for first, after in ((10, 12), (11, 13), (11, 12)):
        assert indexes([between(run, first, after)]) == [*range(first, after)]
    for first, after in ((9, 13), (10, 14), (11, 11)):
        with pytest.raises(IndexError):
            between(run, first, after)


def test_its_pictures_are_found_by_their_timestamps_in_the_room() -> None:
    run = run_of(*(rtp(n, timestamp=at) for n, at in enumerate((7, 7, 8, 9, 9))), first=20, shift=100)
    found = [(timestamp, indexes([part])) for timestamp, part in by_picture(run)]
    assert found == [(107, [20, 21]), (108, [22]), (109, [23, 24])]


def test_it_is_given_back_as_datagrams() -> None:
    sent = [rtp(5, b"a", marker=True), rtp(6, b"b", extension=one_byte((3, b"x"), (14, b"yz")))]
    assert datagrams_of(run_of(*sent, first=99, shift=5)) == sent


def test_ids_that_a_viewer_has_not_are_0() -> None:
    assert id_table({}) is NOT_KEPT
    table = id_table({1: 5, 255: 7})
    assert len(table) == 256
    assert {number: other for number, other in enumerate(table) if other} == {1: 5, 255: 7}
