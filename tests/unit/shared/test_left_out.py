"""A module that is left out looks as if it were not installed, for as long as it is."""

import importlib
import sys
from pathlib import Path

import pytest

from shared.left_out import left_out


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that can be imported."""
    name = "roomcast_test_library"
    (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_it_cannot_be_imported_in_the_block(library: str) -> None:
    with left_out(library), pytest.raises(ModuleNotFoundError):
        importlib.import_module(library)


def test_it_can_be_imported_after_the_block(library: str) -> None:
    with pytest.raises(KeyError), left_out(library):
        raise KeyError
    assert importlib.import_module(library).__name__ == library


def test_what_was_imported_before_stays(library: str) -> None:
    before = importlib.import_module(library)
    with left_out(library):
        assert importlib.import_module(library) is before
    assert sys.modules[library] is before
