"""The last moving picture is tried again where a sign says little of it, but not over and over."""

from media.line.hope import Hope

NEED = 100_000.0


def test_what_is_close_is_always_tried() -> None:
    hope = Hope(0.0)
    assert all(hope(NEED, 0.98 * NEED, NEED, now / 10) for now in range(20))


def test_what_was_sent_in_excess_says_little_once_in_four_seconds() -> None:
    hope = Hope(1.0)
    assert not hope(NEED, NEED / 2, 2 * NEED, 0.9)
    assert hope(NEED, NEED / 2, 2 * NEED, 1.0)
    assert not hope(NEED, NEED / 2, 2 * NEED, 4.9)
    assert hope(NEED, NEED / 2, 2 * NEED, 5.0)


def test_far_too_little_is_believed_and_so_is_a_sign_of_hardly_more_than_the_picture() -> None:
    assert not Hope(0.0)(NEED, NEED * 0.3, 3 * NEED, 0.0)
    assert not Hope(0.0)(NEED, NEED * 0.5, 1.7 * NEED, 0.0)
