"""A room as the API shows it. Does no I/O."""

import json

from control.workers.cluster_rooms import ClusterRoom, Copy
from control.workers.room_info import RoomInfo
from shared.directory.directory import RoomEnd
from shared.messages.status import LayerReason, LayerStatus, RoomStatus


def summary(room: RoomStatus) -> dict[str, object]:
    """A room in the list of all."""
    return {
        "name": room.name,
        "hasPublisher": room.has_publisher,
        "tracks": room.tracks,
        "subscribers": room.subscribers,
    }


def detail(room: ClusterRoom, unix_time: float, info: RoomInfo) -> dict[str, object]:
    """All that is known of a room; `unix_time` is the present."""
    return {
        **summary(room.status),
        "codecs": room.status.codecs,
        "bitrate": room.status.bitrate,
        "loss": room.status.loss,
        "delay": room.status.delay or None,
        "uptime": round(max(0.0, unix_time - room.status.started_at), 1),
        "standbys": room.status.standbys,
        "standbyOn": room.status.standby_on,
        "recording": room.status.recording,
        "stillAt": room.status.still_at or None,
        "locked": info.locked,
        "title": info.title or None,
        "workers": room.workers,
        "copies": [_copy(copy) for copy in room.copies],
        "warnings": room.status.warnings,
        "layers": [_layer(layer) for layer in room.status.layers],
        "viewersByReason": {reason: room.status.viewers_by_reason.get(reason, 0) for reason in LayerReason},
    }


def missing(name: str, info: RoomInfo, end: RoomEnd | None, unix_time: float) -> dict[str, object]:
    """A room that does not exist. `end`: of the one that was there before, if it is known."""
    facts = summary(RoomStatus(name=name, has_publisher=False, tracks=0, subscribers=0))
    if info.title:
        facts["title"] = info.title
    if info.blocked is not None:
        facts["blocked"] = {"reason": info.blocked}
    if end is not None:
        facts |= {
            "endedAgo": max(0, round(unix_time - end.at)),
            "endReason": "closed" if end.closed else "left",
        }
    return facts


def compact_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _copy(copy: Copy) -> dict[str, object]:
    return {
        "worker": copy.worker,
        "from": copy.origin,
        "tier": copy.tier,
        "subscribers": copy.subscribers,
        "delay": copy.delay or None,
    }


def _layer(layer: LayerStatus) -> dict[str, object]:
    return {
        "rid": layer.rid,
        "width": layer.width,
        "height": layer.height,
        "bitrate": layer.bitrate,
        "viewers": layer.viewers,
    }
