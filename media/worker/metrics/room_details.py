"""What is sent to a room's viewers, how its publisher's packets arrive, and its warnings.

Each room costs ten series, so only the largest rooms have them. Nothing here is counted for the metrics
packet by packet: it is read from what sessions keep anyway, when Prometheus asks.
"""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from media.rooms.rooms import Rooms
from media.rooms.stream_watch import NO_MEDIA_SECONDS
from media.switch.feed import Feed
from media.tracks.reception import ReceptionStats

# What feeds count: the attribute is the name of its series, too.
_SOUND = {
    "sound_lost": "Packets of sound that a room's viewers report as lost, without those sent again.",
    "sound_resent": "Retransmissions of sound to a room's viewers.",
    "sound_redundant": "Packets of sound sent with earlier ones in them, to a room's viewers.",
}


def room_detail_metrics(rooms: Rooms, most: int) -> Iterable[Metric]:
    """Series of the `most` rooms with most viewers; 0: of all rooms."""
    sent = CounterMetricFamily(
        "roomcast_room_egress_bytes",
        "RTP payload sent to a room's viewers and to other workers, retransmissions included.",
        labels=["room"],
    )
    loss = GaugeMetricFamily(
        "roomcast_room_publisher_loss_ratio",
        "Share of the publisher's packets that did not arrive, before repair; of its worst track.",
        labels=["room"],
    )
    jitter = GaugeMetricFamily(
        "roomcast_room_publisher_jitter_seconds",
        "Jitter of the publisher's packets (RFC 3550); of its worst track.",
        labels=["room"],
    )
    delay = GaugeMetricFamily(
        "roomcast_room_capture_delay_seconds",
        "Seconds from the capture of a room's media to this worker.",
        labels=["room"],
    )
    warnings = GaugeMetricFamily(
        "roomcast_room_warnings", "Warnings that a room shows; absent without one.", labels=["room"]
    )
    losing = GaugeMetricFamily(
        "roomcast_room_viewers_losing_sound",
        "Viewers of a room that lose more than 1 % of the sound, in spite of what mends it.",
        labels=["room"],
    )
    sound = {
        name: CounterMetricFamily(f"roomcast_room_{name}", meaning, labels=["room"])
        for name, meaning in _SOUND.items()
    }
    largest = rooms.largest(most)
    for room in largest:
        sent.add_metric([room.name], room.feed.tx_payload)
        for name, series in sound.items():
            series.add_metric([room.name], getattr(room.feed, name))
        losing.add_metric([room.name], room.feed.losing_sound)
        if room.warnings.texts:
            warnings.add_metric([room.name], len(room.warnings.texts))
        if room.source is not None and room.publisher.delay is not None:
            delay.add_metric([room.name], room.publisher.delay)
        if room.source is None or room.origin is not None:  # its origin reports the publisher
            continue
        if streams := _sent_now(room.feed):
            loss.add_metric([room.name], max(stream.loss for stream in streams))
            jitter.add_metric([room.name], max(stream.jitter for stream in streams))
    yield from (sent, loss, jitter, delay, warnings, losing, *sound.values())
    yield GaugeMetricFamily(
        "roomcast_rooms_left_out",
        "Rooms without series of their own here, because METRICS_MAX_ROOMS others have more viewers.",
        value=len(rooms.listed()) - len(largest),
    )


def _sent_now(feed: Feed) -> list[ReceptionStats]:
    """The figures of the tracks that come: a layer that its publisher has stopped keeps its last ones."""
    return [
        source.stats
        for source in feed.sources
        if source.stats is not None and source.heard_at >= feed.heard_at - NO_MEDIA_SECONDS
    ]
