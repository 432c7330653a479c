"""How the files of a room are named, and which of its tracks are recorded as one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from media.negotiation.agreed_tracks import RoomTrack
from media.recording import writer as module
from media.recording.limits import ChangeAllowance, Limits
from media.recording.writer import Writer
from shared.names import RoomName
from tests.support.published import sound, video

DEMO = RoomName("demo")


def tracks(*layers: int | None) -> list[RoomTrack]:
    """Pictures by the ranks of their layers; None: sound."""
    found = []
    for number, layer in enumerate(layers):
        published = sound() if layer is None else video()
        found.append(
            RoomTrack(
                kind=published.kind, codec=published.codec, extensions={}, ssrc=number, layer=layer or 0
            )
        )
    return found


@pytest.mark.parametrize(
    ("ranks", "pictures", "leader"),
    [
        ((None, 0), [[0], [1]], 0),
        ((0, 1, 2, None), [[0, 1, 2], [3]], 3),
        ((0, 0, 1), [[0], [1, 2]], 0),
    ],
)
def test_layers_of_a_picture_are_one_and_sound_leads(
    ranks: tuple[int | None, ...], pictures: list[list[int]], leader: int
) -> None:
    assert module._layers(tracks(*ranks)) == pictures
    assert module._leader(tracks(*ranks)) == leader


def test_each_picture_knows_which_of_its_layers_starve(tmp_path: Path) -> None:
    log: Any = None
    writer = Writer(DEMO, tracks(None, 0, 1), tmp_path, (), Limits(), ChangeAllowance(DEMO), log)
    writer.starved({1})
    assert {number: reader.starved for number, reader in writer._readers.items()} == {0: {1}, 1: {1}}


def test_files_of_a_kind_have_each_a_second_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was given is not tried again: a room may begin many parts in one second."""
    tried: list[str] = []
    log: Any = SimpleNamespace(began=lambda name, _: tried.append(name), finished=lambda *_: None)
    writer = Writer(DEMO, tracks(0, None), tmp_path, ("mux",), Limits(), ChangeAllowance(DEMO), log)
    assert not writer.has_files
    now = 1000.9
    monkeypatch.setattr(module.time, "time", lambda: now)
    asked: list[int] = []

    def name_of(kind: str) -> Any:
        def name(unix: int) -> str:
            asked.append(unix)
            return f"{kind}_{unix}"

        return name

    a, b = name_of("a"), name_of("b")
    opened = [writer._open(kind, 0.0) for kind in (a, a, b)]
    now = 1001.0
    opened.append(writer._open(a, 0.0))
    now = 1005.0
    opened.append(writer._open(a, 0.0))
    assert tried == ["a_1000", "a_1001", "b_1000", "a_1002", "a_1005"]
    assert [unix for unix in asked if unix] == [1000, 1001, 1000, 1002, 1005]
    assert writer.has_files
    for file in opened:
        file.close()


def test_tracks_of_a_kind_are_numbered_in_the_names_of_their_files(tmp_path: Path) -> None:
    log: Any = SimpleNamespace(began=lambda *_: None)
    kinds = tracks(0, 1, None, 0)
    writer = Writer(DEMO, kinds, tmp_path, ("tracks",), Limits(), ChangeAllowance(DEMO), log)
    writer._arrived = 0.0
    opened = [file._open_part() for file in writer._track_files.values()]
    assert [file.path.name.split("_")[1] for file in opened] == ["video0", "audio0", "video1"]
    for file in opened:
        file.close()


def test_sound_of_telephones_is_only_in_the_file_with_all_tracks(tmp_path: Path) -> None:
    log: Any = None
    (phone,) = tracks(None)
    phone = replace(phone, codec=replace(phone.codec, name="PCMU"))
    writer = Writer(DEMO, [phone], tmp_path, ("tracks", "mux"), Limits(), ChangeAllowance(DEMO), log)
    assert writer._track_files == {}
    assert writer._mux is not None


@pytest.mark.parametrize("waits", [False, True])
def test_no_part_begins_while_frames_wait_for_their_place_in_time(tmp_path: Path, waits: bool) -> None:
    log: Any = None
    writer: Any = Writer(DEMO, tracks(0), tmp_path, ("mux",), Limits(), ChangeAllowance(DEMO), log)
    begins: list[float] = []
    writer._timeline = SimpleNamespace(waits=waits, poll=lambda _: [])
    writer._mux = SimpleNamespace(poll=begins.append)
    writer.tick(5.0)
    assert begins == ([] if waits else [5.0])


@pytest.mark.parametrize(
    ("forms", "mux_wants", "wanted"),
    [((), False, set()), (("mux",), False, set()), (("mux",), True, {1})],
)
def test_a_keyframe_is_wanted_for_the_file_with_all_tracks(
    tmp_path: Path, forms: tuple[str, ...], mux_wants: bool, wanted: set[int]
) -> None:
    log: Any = None
    changes = ChangeAllowance(DEMO)
    writer = Writer(DEMO, tracks(None, 0, 1), tmp_path, forms, Limits(), changes, log)
    for reader in writer._readers.values():
        reader.wanted = lambda _: []  # type: ignore[method-assign]
    if writer._mux is not None:
        writer._mux.wants_keyframe = lambda _: mux_wants  # type: ignore[method-assign]
    assert writer.wanted_keyframes(1.0) == wanted
