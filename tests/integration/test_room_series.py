"""What a worker's metrics say of single rooms and of viewers' lines."""

from collections.abc import Iterable

from prometheus_client.core import Metric

from media.rooms.warnings import NO_KEYFRAME
from media.rtp.rtcp import ReportBlock, receiver_report
from media.worker.metrics.room_details import room_detail_metrics
from media.worker.metrics.sessions import session_metrics
from shared.messages.signalling import Publish, Role
from tests.support.peer import IN_TIME
from tests.support.plane import Plane
from tests.support.sdp import sent_offer
from tests.support.waiting import eventually


def by_name(metrics: Iterable[Metric]) -> dict[str, float]:
    """Values by the series' names and their labels' values."""
    return {
        "/".join((sample.name, *sample.labels.values())): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def of_rooms(plane: Plane, most: int = 0) -> dict[str, float]:
    return by_name(room_detail_metrics(plane.media.rooms, most))


def of_sessions(plane: Plane) -> dict[str, float]:
    return by_name(session_metrics(plane.media.roster, plane.media.ledger))


async def test_a_publishers_loss_and_jitter_are_told_by_room(plane: Plane) -> None:
    publisher, _ = await plane.pair()
    publisher._sequences[96] += 30  # lost on the way
    publisher.send_media()
    await eventually("all came", lambda: plane.room.feed.rx_packets == publisher.sent, IN_TIME)
    plane.tick(1.5)
    series = of_rooms(plane)
    assert 0.5 < series["roomcast_room_publisher_loss_ratio/demo"] < 1
    assert 0 <= series["roomcast_room_publisher_jitter_seconds/demo"] < IN_TIME
    await plane.delete(publisher, Role.PUBLISH)
    assert not [name for name in of_rooms(plane) if name.endswith("/demo")]


async def test_a_track_that_has_stopped_says_nothing_of_the_line(plane: Plane) -> None:
    await plane.pair()
    sound, picture = plane.room.feed.sources
    assert sound.stats is not None
    sound.stats.loss = 0.9
    assert of_rooms(plane)["roomcast_room_publisher_loss_ratio/demo"] == 0.9
    sound.heard_at = picture.heard_at - 5.0
    assert of_rooms(plane)["roomcast_room_publisher_loss_ratio/demo"] == 0.0


async def test_warnings_are_counted_while_they_hold(plane: Plane) -> None:
    await plane.connected(publishes=True)
    assert "roomcast_room_warnings/demo" not in of_rooms(plane)
    plane.room.warnings.append(NO_KEYFRAME)
    assert of_rooms(plane)["roomcast_room_warnings/demo"] == 1
    plane.room.warnings.set(NO_KEYFRAME, holds=False)
    assert "roomcast_room_warnings/demo" not in of_rooms(plane)


async def test_the_rooms_with_most_viewers_have_series_and_the_others_are_counted(plane: Plane) -> None:
    offer = sent_offer(plane.peer(publishes=True).offer())
    await plane.handlers.publish(Publish(room="empty", offer=offer))
    await plane.pair()
    sent = "roomcast_room_egress_bytes_total"
    everything, largest = of_rooms(plane), of_rooms(plane, most=1)
    assert {name for name in everything if name.startswith(sent)} == {f"{sent}/demo", f"{sent}/empty"}
    assert {name for name in largest if name.startswith(sent)} == {f"{sent}/demo"}
    assert everything["roomcast_rooms_left_out"] == 0
    assert largest["roomcast_rooms_left_out"] == 1


async def test_what_viewers_say_of_their_lines_is_counted_once_a_second(plane: Plane) -> None:
    _, viewer = await plane.pair()
    before = plane.ports.rx_datagrams
    viewer.send_rtcp(receiver_report(1, [ReportBlock(1, 64, 0, 0, 0, 0, 0)]))  # a quarter was lost
    await eventually("it arrived", lambda: plane.ports.rx_datagrams > before, IN_TIME)
    for seconds in (2, 4, 6):
        plane.tick(seconds)
    series = of_sessions(plane)
    assert series["roomcast_viewer_loss_ratio_count"] == 3
    assert series["roomcast_viewer_loss_ratio_sum"] == 0.75
    assert series["roomcast_viewer_loss_ratio_bucket/0.2"] == 0
    assert series["roomcast_viewer_rtt_seconds_count"] == 0  # its report named none of ours
