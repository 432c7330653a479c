"""What is told of a recording's files, and when: the clips in each, by seconds of the file."""

from typing import Any

from media.recording.file_facts import FilesOfRoom, facts_of
from shared.messages.events import Facts
from shared.messages.room_settings import Clip, RecordingNote

BEGAN = 1000.0


def clips(*those: Clip) -> Any:
    return facts_of(RecordingNote(clips=those), BEGAN).get("clips")


def test_what_nobody_asked_for_has_no_facts() -> None:
    assert facts_of(None, BEGAN) == {}
    assert facts_of(RecordingNote(name="a", labels={"b": "c"}), BEGAN) == {
        "recording": "a",
        "labels": {"b": "c"},
    }


def test_clips_are_in_seconds_of_the_file_that_has_them() -> None:
    assert clips(Clip(name="goal", begin=1002.5, end=1004.004)) == [
        {"name": "goal", "begin": 2.5, "end": 4.0}
    ]
    assert clips(Clip(name="goes on", begin=1001.0)) == [{"name": "goes on", "begin": 1.0}]
    assert clips(Clip(name="from before", begin=990.0, end=1001.0)) == [
        {"name": "from before", "begin": 0.0, "end": 1.0}
    ]
    assert clips(Clip(name="of the file before", begin=990.0, end=1000.0)) is None


def test_what_is_said_while_a_file_is_written_is_told_with_it() -> None:
    told: list[tuple[str, str, Facts]] = []
    note = RecordingNote(name="a")

    def tell(what: str) -> Any:
        return lambda name, facts: told.append((what, name, facts))

    files = FilesOfRoom(
        lambda: note, lambda steady: steady + 900, tell("began"), tell("changed"), tell("finished")
    )
    files.began("one", 100.0)
    files.began("two", 101.0)
    files.finished("one")
    note = RecordingNote(name="b", clips=(Clip(name="goal", begin=1003.0),))
    files.noted()
    files.finished("two")
    files.noted()
    first: Facts = {"recording": "a", "labels": {}}
    later: Facts = {"recording": "b", "labels": {}, "clips": [{"name": "goal", "begin": 2.0}]}
    assert told == [
        ("began", "one", first),
        ("began", "two", first),
        ("finished", "one", first),
        ("changed", "two", later),
        ("finished", "two", later),
    ]
