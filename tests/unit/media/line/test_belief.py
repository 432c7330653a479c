"""A train that was wrong is not believed again soon."""

from media.line.belief import Belief


def test_one_that_was_right_is_believed_again_at_once() -> None:
    believes = Belief()
    assert believes(0.0)
    believes.begin(0.0)
    believes.doubt(5.0)  # long after it: the line has changed
    assert believes(5.0)


def test_the_more_were_wrong_the_longer_none_is_believed() -> None:
    believes, now = Belief(), 0.0
    for wait in (1.0, 2.0, 4.0, 8.0, 16.0, 16.0):
        believes.begin(now)
        believes.doubt(now + 1.0)
        assert not believes(now + 1.0 + wait - 0.1)
        now += 1.0 + wait
        assert believes(now)


def test_after_a_while_all_is_forgiven() -> None:
    believes = Belief()
    for at in (0.0, 10.0):
        believes.begin(at)
        believes.doubt(at + 1.0)
    believes.begin(100.0)
    believes.doubt(101.0)
    assert believes(105.0)
