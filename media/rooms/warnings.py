"""Warnings about a room, in words for people: each is shown once, and removed when it no longer holds."""

from shared.names import RoomName
from shared.telemetry.logging import get_logger

MAX_WARNINGS = 16

_B_FRAMES = (
    "the publisher sends B-frames: viewers see one or two pictures after each keyframe, then none until "
    "the next; set B-frames to 0 in its encoder (OBS: Settings, Output, B-frames or x264 Options)"
)
# What browsers do not play, by the codec. Chromium plays hidden frames if a temporal unit comes as one frame
# of RTP, as FFmpeg sends it; those of OBS it does not.
REORDERED = {
    "H264": _B_FRAMES,
    "H265": _B_FRAMES,
    "AV1": (
        "the publisher sends hidden frames: from OBS, viewers see one or two pictures after each keyframe, "
        "then none until the next; encode with low delay (OBS with SVT-AV1: Settings, Output, "
        "FFmpeg Options: svtav1-params=pred-struct=1)"
    ),
}
NO_KEYFRAME = "no keyframe for 10 s: new viewers wait for a picture; set a shorter keyframe interval"
NO_PARAMETER_SETS = (
    "keyframes come without parameter sets (SPS, PPS): new viewers see no picture; have the publisher send "
    "them with each keyframe (GStreamer: config-interval=-1)"
)
# Chromium puts them together by the dependency descriptor alone, which it does not offer to receive.
SPATIAL_LAYERS = (
    "the publisher sends AV1 in spatial layers: viewers with Chromium see no picture; publish simulcast, or "
    "one size (scalabilityMode L1T3)"
)
STARVED_LAYER = (
    "the best layer has far fewer pictures than the next one, which viewers get instead: the publisher's "
    "uplink or processor does not carry it"
)
LOSE_SOUND = "one viewer of ten or more loses sound: their lines, or the publisher's, drop packets"
COULD_NOT_PLAY = "a viewer could not play this room: "  # and why

log = get_logger()


class RoomWarnings:
    """The warnings of one room, oldest first. `texts` is another object after each change."""

    def __init__(self, room: RoomName) -> None:
        self._room = room
        self.texts: tuple[str, ...] = ()

    @property
    def of_viewers(self) -> tuple[str, ...]:
        """Those that a copy of a room adds to its origin's: the others are about the stream."""
        return tuple(text for text in self.texts if text == LOSE_SOUND or text.startswith(COULD_NOT_PLAY))

    def append(self, text: str) -> None:
        """Add a warning that was logged elsewhere."""
        if text not in self.texts and len(self.texts) < MAX_WARNINGS:
            self.texts = (*self.texts, text)

    def set(self, text: str, *, holds: bool) -> None:
        """Add and log a warning when it begins to hold; remove it when it no longer holds."""
        if not holds:
            if text in self.texts:
                self.texts = tuple(other for other in self.texts if other != text)
        elif text not in self.texts:
            log.warning("room warning", room=self._room, warning=text)
            self.append(text)

    def clear(self) -> None:
        self.texts = ()
