"""What is told of a recording's files beside their names: what it is called, and the clips in each."""

from collections.abc import Callable

from shared.messages.events import Facts
from shared.messages.room_settings import RecordingNote


class FilesOfRoom:
    """Keeps what is told of the files of one recording. Called in its writer's thread.

    `note` is what was last said of the recording, and `unix` the Unix time of a steady one. `began`,
    `changed` and `finished` are called with the name of a file, and what is to be told of it.
    """

    def __init__(
        self,
        note: Callable[[], RecordingNote | None],
        unix: Callable[[float], float],
        began: Callable[[str, Facts], None],
        changed: Callable[[str, Facts], None],
        finished: Callable[[str, Facts], None],
    ) -> None:
        self._note = note
        self._unix = unix
        self._tell_began, self._tell_changed, self._tell_finished = began, changed, finished
        self._began: dict[str, float] = {}  # Unix times of the first frames of files that are being written

    def began(self, name: str, arrived: float) -> None:
        """A file is being written; its first frame `arrived` then, by the steady clock."""
        began = self._unix(arrived)
        self._tell_began(name, facts_of(self._note(), began))
        self._began[name] = began

    def noted(self) -> None:
        """What is told of the files that are being written has changed."""
        for name, began in self._began.items():
            self._tell_changed(name, facts_of(self._note(), began))

    def finished(self, name: str) -> None:
        self._tell_finished(name, facts_of(self._note(), self._began.pop(name)))


def facts_of(note: RecordingNote | None, began: float) -> Facts:
    """What is told of a file that began at that Unix time, and ends now.

    The times of clips are seconds in the file. One without an end goes on to the end of the file, or beyond
    it.
    """
    if note is None:
        return {}
    facts: Facts = {"recording": note.name, "labels": note.labels}
    clips: list[dict[str, str | float]] = []
    for clip in note.clips:
        if clip.end is not None and clip.end <= began:
            continue
        told: dict[str, str | float] = {"name": clip.name, "begin": round(max(0.0, clip.begin - began), 2)}
        clips.append(told if clip.end is None else told | {"end": round(clip.end - began, 2)})
    return facts | {"clips": clips} if clips else facts
