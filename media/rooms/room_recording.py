"""The recording of a room: it begins with the first publisher and continues through all that follow."""

from time import monotonic

from media.recording.recorder import Recorder
from media.rooms.room import Room


def begin(room: Room, recorder: Recorder | None) -> None:
    """Record a room from now on, if rooms are recorded. Copies are not: their origin records the room."""
    if recorder is not None and room.origin is None:
        room.record(
            recorder.open(
                room.name,
                [track.offered for track in room.tracks],
                reported=room.publisher.reported,
                want_keyframe=lambda track: room.publisher.want_keyframe(track, monotonic()),
                warn=lambda text, holds: _warn(room, text, holds=holds),
            )
        )


def succeed(room: Room, recorder: Recorder | None, *, codecs_changed: bool) -> None:
    """Another publisher has taken the room over: its files continue; other codecs begin new ones."""
    if room.recording is not None and not codecs_changed:
        return
    if room.recording is not None:
        room.recording.close()
    begin(room, recorder)


def _warn(room: Room, text: str, *, holds: bool) -> None:
    if holds:
        room.warnings.append(text)  # the recording has logged it
    else:
        room.warnings.set(text, holds=False)
