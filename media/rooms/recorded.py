"""The recording of a room: it begins with the first publisher, and continues with those that succeed it."""

from time import monotonic

from media.recording.recorder import Recorder
from media.rooms.room import Room


def begin(room: Room, recorder: Recorder | None) -> None:
    """Record a room from now on, if recording is on. A copy is not recorded: its origin does that."""
    if recorder is not None and room.origin is None:
        room.feed.tap = room.recording = recorder.open(
            room.name,
            [track.offered for track in room.tracks],
            report_at=room.publisher.play_time,
            want_keyframe=lambda: room.publisher.want_keyframes(monotonic()),
            warn=room.warnings.append,
        )


def go_on(room: Room, recorder: Recorder | None, *, codecs_changed: bool) -> None:
    """Continue the files of a room that another publisher has taken over.

    New files begin if the codecs changed, or if the recording had failed: the disk may have space again.
    """
    recording = room.recording
    if recording is not None and recording.failure is None and not codecs_changed:
        return
    if recording is not None:
        recording.close()
    begin(room, recorder)
