"""The layers of a room's picture in the `layers` event (draft-ietf-wish-whep). Does no I/O."""

from shared.messages.status import LayerStatus

# A bit rate is told anew when it differs by more than this share: otherwise the event would come each second.
_BITRATE_SHARE = 0.25


def steady(before: tuple[LayerStatus, ...], now: tuple[LayerStatus, ...]) -> tuple[LayerStatus, ...]:
    """The layers to send: those of `before`, unless they differ in more than a viewer cares for."""
    return before if len(before) == len(now) and all(map(_is_alike, before, now)) else now


def _is_alike(before: LayerStatus, now: LayerStatus) -> bool:
    if (before.rid, before.width, before.height) != (now.rid, now.width, now.height):
        return False
    if not before.bitrate or not now.bitrate:
        return before.bitrate == now.bitrate
    return abs(now.bitrate - before.bitrate) <= _BITRATE_SHARE * before.bitrate


def layers_data(picture: int, layers: tuple[LayerStatus, ...]) -> dict[str, object]:
    """The event's data: the layers, best first, by the place of the picture's section in the viewer's SDP.

    A layer without `bitrate` is inactive. A publisher that sends one layer names none: it is spatial layer 0.
    """
    return {str(picture): [_entry(layer) for layer in layers]}


def _entry(layer: LayerStatus) -> dict[str, object]:
    entry: dict[str, object] = {"rid": layer.rid} if layer.rid else {"spatialLayerId": 0}
    if layer.bitrate:
        entry["bitrate"] = _rounded(layer.bitrate)
    if layer.width and layer.height:
        entry |= {"width": layer.width, "height": layer.height}
    return entry


def _rounded(bitrate: int) -> int:
    """A bit rate in two figures: more would only look exact."""
    return int(float(f"{bitrate:.1e}"))
