"""The recording of a room: begun with its first publisher, and gone on with through all that follow."""

from time import monotonic

from media.recording.recorder import Recorder
from media.rooms.room import Room


def begin(room: Room, recorder: Recorder | None) -> None:
    """Record a room from now on, where rooms are recorded. A copy of another worker's is recorded there."""
    if recorder is not None and room.origin is None:
        room.feed.tap = room.recording = recorder.open(
            room.name,
            [track.offered for track in room.tracks],
            report_at=room.publisher.play_time,
            want_keyframe=lambda: room.publisher.want_keyframes(monotonic()),
            warn=room.warnings.append,
        )


def go_on(room: Room, recorder: Recorder | None, *, codecs_changed: bool) -> None:
    """Another publisher has taken the room over: its files go on, but with other codecs new ones begin.

    So they do when the recording had failed: the disk may have room again.
    """
    recording = room.recording
    if recording is not None and recording.failure is None and not codecs_changed:
        return
    if recording is not None:
        recording.close()
    begin(room, recorder)
