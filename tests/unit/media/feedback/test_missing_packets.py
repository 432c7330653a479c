"""When a viewer's picture is broken: it goes on missing what its line has no room for."""

from media.feedback.missing_packets import MissingPackets


def test_what_is_refused_once_may_come_or_be_no_loss() -> None:
    missing = MissingPackets()
    missing.asked(9.9, 10.0, refused=True)
    assert not missing.break_picture(9.0, 10.05)
    assert not missing.break_picture(9.0, 10.3)
    missing.asked(9.9, 10.3, refused=False)
    missing.asked(9.9, 10.35, refused=False)
    assert not missing.break_picture(9.0, 10.4)


def test_what_is_refused_again_breaks_the_picture_until_its_next_keyframe() -> None:
    missing = MissingPackets()
    missing.asked(9.9, 10.0, refused=True)
    missing.asked(9.9, 10.06, refused=True)
    assert not missing.break_picture(9.0, 10.06)
    assert missing.break_picture(9.0, 10.12)
    for keyframe_at in (9.9, 9.95):  # that came with what is missing, or after it, if before the request
        assert not missing.break_picture(keyframe_at, 10.12)


def test_who_does_not_ask_any_more_has_got_over_it() -> None:
    missing = MissingPackets()
    for now in (10.0, 10.1):
        missing.asked(9.9, now, refused=True)
    assert missing.break_picture(9.0, 10.3)
    assert not missing.break_picture(9.0, 10.55)
    missing.asked(10.9, 11.0, refused=True)
    assert not missing.break_picture(9.0, 11.2)
