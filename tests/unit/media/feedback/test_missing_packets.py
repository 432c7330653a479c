"""When a viewer's picture is broken: it goes on missing what its line has no room for."""

from media.feedback.missing_packets import MissingPackets


def test_what_is_refused_once_may_come_a_moment_later() -> None:
    missing = MissingPackets()
    missing.asked(10.0, refused=True)
    assert not missing.break_picture(9.0, 10.05)
    missing.asked(10.09, refused=False)
    assert not missing.break_picture(9.0, 10.2)


def test_what_is_refused_again_breaks_the_picture_until_its_next_keyframe() -> None:
    missing = MissingPackets()
    missing.asked(10.0, refused=True)
    missing.asked(10.12, refused=True)
    assert missing.break_picture(9.0, 10.12)
    assert not missing.break_picture(10.0, 10.12)


def test_who_does_not_ask_any_more_has_got_over_it() -> None:
    missing = MissingPackets()
    missing.asked(10.0, refused=True)
    assert missing.break_picture(9.0, 10.3)
    assert not missing.break_picture(9.0, 10.5)
    missing.asked(11.0, refused=True)
    assert not missing.break_picture(9.0, 11.05)
