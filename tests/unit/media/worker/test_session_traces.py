"""What is added to an offer's trace, and when that ends."""

from typing import Any, cast

from media.sessions.publisher_session import PublisherSession
from media.sessions.viewer_session import ViewerSession
from media.worker.session_traces import PICTURE_SECONDS, SessionTraces
from shared.names import RoomName

ROOM = RoomName("demo")
UNIX = 1_000_000.0  # when the steady clock shows 0


class Added:
    """A trace."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, float, float]] = []

    def add(self, name: str, began: float, ended: float, **_: Any) -> None:
        self.spans.append((name, began - UNIX, ended - UNIX))


class NoIce:
    selected = ("192.0.2.1", 5000)


def stand_in(kind: type) -> Any:
    """A session of this kind as far as it is looked at."""

    class StandIn(kind):  # type: ignore[misc]
        first_picture_at = None

        def __init__(self) -> None:
            self.began_at, self.checked_at, self.connected_at, self.ended = 10.0, None, None, False
            self.ice = NoIce()

    return StandIn()


class OneTrack:
    def __init__(self, keyframe_at: float) -> None:
        self.sent = self
        self.keyframe_at = keyframe_at


class OneRoom:
    """The rooms of a worker, of which there is one."""

    def __init__(self, source: Any, *keyframes: float) -> None:
        self.source = source
        self.tracks = [OneTrack(at) for at in keyframes]

    def find(self, _: RoomName) -> Any:
        return self


def followed(session: Any, rooms: Any = None) -> tuple[SessionTraces, Added]:
    traces, trace = SessionTraces(cast(Any, rooms), lambda: 10.0, lambda: UNIX + 10.0), Added()
    traces.follow(session, ROOM, trace)
    return traces, trace


def test_a_viewer_is_followed_to_its_first_picture() -> None:
    viewer = stand_in(ViewerSession)
    traces, trace = followed(viewer)
    traces.tick(10.1)
    assert not trace.spans
    viewer.checked_at, viewer.connected_at = 10.2, 10.3
    traces.tick(10.5)
    traces.tick(10.6)
    viewer.first_picture_at = 10.65
    traces.tick(10.7)
    traces.tick(10.8)
    assert [name for name, *_ in trace.spans] == ["ICE", "DTLS", "first picture"]
    times = [(round(began, 3), round(ended, 3)) for _, began, ended in trace.spans]
    assert times == [(10.0, 10.2), (10.2, 10.3), (10.3, 10.65)]
    assert not len(traces._followed)


def test_a_publisher_is_followed_to_the_first_keyframe_of_any_layer() -> None:
    publisher = stand_in(PublisherSession)
    publisher.checked_at, publisher.connected_at = 10.2, 10.3
    traces, trace = followed(publisher, OneRoom(publisher, 9.0, 10.5, 10.4))
    traces.tick(11.0)
    name, began, ended = trace.spans[-1]
    assert (name, round(began, 3), round(ended, 3)) == ("first picture", 10.3, 10.4)


def test_a_keyframe_of_the_publisher_before_is_not_its_picture() -> None:
    publisher = stand_in(PublisherSession)
    publisher.checked_at, publisher.connected_at = 10.2, 10.3
    traces, trace = followed(publisher, OneRoom(publisher, 10.1))
    traces.tick(11.0)
    assert [name for name, *_ in trace.spans] == ["ICE", "DTLS"]


def test_a_session_that_never_connects_says_so() -> None:
    viewer = stand_in(ViewerSession)
    traces, trace = followed(viewer)
    viewer.ended = True
    traces.tick(25.0)
    assert [name for name, *_ in trace.spans] == ["ICE and DTLS failed"]
    assert not len(traces._followed)


def test_sound_alone_is_not_followed_for_ever() -> None:
    viewer = stand_in(ViewerSession)
    viewer.checked_at, viewer.connected_at = 10.2, 10.3
    traces, _ = followed(viewer)
    traces.tick(11.0)
    assert len(traces._followed) == 1
    traces.tick(11.0 + PICTURE_SECONDS)
    assert not len(traces._followed)


def test_nobody_wants_to_know() -> None:
    traces = SessionTraces(cast(Any, None))
    traces.follow(stand_in(ViewerSession), ROOM, None)
    assert not len(traces._followed)
