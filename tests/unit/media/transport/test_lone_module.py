"""One module of a package is imported, and what stands around it is not."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.transport.lone_module import lone_module

PACKAGE = "roomcast_test_package"


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('the whole package')")
    (folder / "heavy.py").write_text("raise RuntimeError('a heavy module')")
    (folder / "light.py").write_text("NUMBER = 7")
    (folder / "wanted.py").write_text(
        "from . import heavy\n"
        "from .heavy import Thing\n"
        "from .light import NUMBER\n"
        "def thing() -> Thing: return Thing()\n"
        "other = heavy.Other\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_the_rest_is_not_imported() -> None:
    module = lone_module(PACKAGE, "wanted", left_out=("heavy",))
    assert module.NUMBER == 7
    assert isinstance(module.thing(), module.other)
    assert PACKAGE not in sys.modules


def test_what_is_not_left_out_is_imported() -> None:
    with pytest.raises(RuntimeError, match="a heavy module"):
        lone_module(PACKAGE, "wanted", left_out=())


def test_a_package_that_is_not_installed_is_told() -> None:
    with pytest.raises(ModuleNotFoundError, match="roomcast_no_package"):
        lone_module("roomcast_no_package", "wanted", left_out=())


def test_a_module_is_no_package() -> None:
    with pytest.raises(ModuleNotFoundError, match="bisect"):
        lone_module("bisect", "wanted", left_out=())
