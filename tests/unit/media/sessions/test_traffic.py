"""What a session says that it has sent."""

from types import SimpleNamespace
from typing import Any

from media.sessions.traffic import Traffic, traffic_out
from media.switch.wire import Wire

PICTURE, SOUND = Wire(96, {}, ssrc=1), Wire(111, {})
# two renditions of the picture, a track that the viewer does not get, the sound, and a form of it
WIRES = [PICTURE, PICTURE, None, SOUND, Wire(63, {}, earlier=1)]


def playback(*, rtt: float = 0.0, rendition: int | None = None, **parts: Any) -> Any:
    sent = {0: (10, 1_000), 1: (5, 400), 3: (50, 5_000), 4: (20, 2_500)}
    return SimpleNamespace(
        viewer=SimpleNamespace(sent=sent.__getitem__, rendition=rendition),
        feedback=SimpleNamespace(resent=3, loss=0.25, rtt=rtt),
        **({"picture": None, "sound": None} | parts),
    )


def test_before_a_viewer_is_connected_only_its_tracks_are_known() -> None:
    assert traffic_out(WIRES, None) == Traffic((0, 3))


def test_what_a_viewer_was_sent_is_the_sum_of_all_forms() -> None:
    assert traffic_out(WIRES, playback()) == Traffic((0, 3), 85, 8_900, resent=3, loss=0.25)


def test_of_a_picture_and_a_sound_more_is_known() -> None:
    found = traffic_out(
        WIRES,
        playback(
            rtt=0.05,
            rendition=1,
            picture=SimpleNamespace(reason="line", carries=700_000),
            sound=SimpleNamespace(lost=7, resent=2, redundant=20),
        ),
    )
    assert (found.rtt, found.rendition, found.reason, found.carries) == (0.05, 1, "line", 700_000)
    assert (found.sound_lost, found.sound_resent, found.sound_redundant) == (7, 2, 20)
