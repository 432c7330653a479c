"""A modelled picture shows what a browser would."""

from tests.support.modelled_picture import ASK_SECONDS, FIRST_SECONDS, LOST_SECONDS, ModelledPicture

# RFC 7741 4.2 and RFC 6386 9.1: the start of a keyframe of 64 by 36, or of another frame, or what goes on
KEYFRAME = b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x00\x24\x00"
FRAME, REST = b"\x10\x01\x00\x00", b"\x00\x00"


def picture_of(*packets: tuple[int, bool, bytes], at: float = 0.0) -> ModelledPicture:
    picture = ModelledPicture()
    for number, marker, payload in packets:
        picture.receive(number, marker, payload, at)
    return picture


def test_frames_are_shown_when_they_are_whole() -> None:
    picture = picture_of((65535, False, KEYFRAME), (0, True, REST), (1, False, FRAME))
    assert picture.shown == [(0.0, 36)]
    picture.receive(2, True, REST, 0.5)
    assert picture.shown == [(0.0, 36), (0.5, 36)]
    assert not picture.wants_keyframe(10.0)


def test_a_late_packet_lets_all_go_on_that_waited_for_it() -> None:
    picture = picture_of((7, True, KEYFRAME), (8, False, FRAME), (10, True, FRAME), (11, True, FRAME))
    assert len(picture.shown) == 1
    picture.receive(9, True, REST, 0.4)
    assert picture.shown[1:] == [(0.4, 36)] * 3
    assert not picture.wants_keyframe(5.0)


def test_a_lost_packet_is_given_up_for_a_keyframe() -> None:
    picture = picture_of((7, True, KEYFRAME), (8, False, FRAME), (10, True, FRAME), (11, True, FRAME))
    assert not picture.wants_keyframe(0.9 * LOST_SECONDS)
    assert picture.wants_keyframe(LOST_SECONDS)
    assert not picture.wants_keyframe(LOST_SECONDS + 0.9 * ASK_SECONDS)
    picture.receive(12, False, KEYFRAME, 2.0)
    picture.receive(13, True, REST, 2.1)
    picture.receive(9, True, REST, 2.2)
    assert picture.shown == [(0.0, 36), (2.1, 36)]
    assert picture.keyframes == 2
    assert not picture.wants_keyframe(9.0)


def test_nothing_is_shown_before_a_keyframe() -> None:
    picture = picture_of((7, True, FRAME), (8, True, FRAME))
    assert not picture.shown
    assert picture.wants_keyframe(FIRST_SECONDS)
