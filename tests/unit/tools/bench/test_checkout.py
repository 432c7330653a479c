"""Which checkout a process runs is proven, not assumed."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tools.bench.checkout import PACKAGES, Checkout, WrongCheckoutError, imported_by
from tools.bench.machine import ROOT


@pytest.fixture
def other(tmp_path: Path) -> Checkout:
    """A checkout of another commit, without an interpreter of its own."""
    root = tmp_path / "other"
    for package in PACKAGES:
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").touch()
    return Checkout.at(root)


@contextlib.contextmanager
def python(folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """A process of our interpreter, which has started, and runs until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid


def test_a_process_of_a_checkout_is_recognized(other: Checkout) -> None:
    with python(other.root, other.environment) as pid:
        other.check(pid)


def test_the_environment_alone_makes_our_interpreter_run_another_checkout(
    other: Checkout, tmp_path: Path
) -> None:
    with python(tmp_path, other.environment) as pid:
        assert imported_by(pid) == [other.root / package for package in PACKAGES]


def test_a_checkout_may_have_settings_of_its_own(other: Checkout) -> None:
    own = Checkout.at(other.root, settings=["NATIVE=off", "TURN_URLS=turn:a?b=c"])
    assert own.environment == {**other.environment, "NATIVE": "off", "TURN_URLS": "turn:a?b=c"}


def test_a_process_that_imports_our_packages_does_not_count_as_the_other(other: Checkout) -> None:
    with (
        python(ROOT, Checkout.ours().environment) as pid,
        pytest.raises(WrongCheckoutError, match=f"imports control from {ROOT}"),
    ):
        other.check(pid)


def test_a_checkout_that_lacks_a_package_does_not_borrow_ours(other: Checkout) -> None:
    (other.root / "media" / "__init__.py").unlink()
    (other.root / "media").rmdir()
    with python(other.root, other.environment) as pid, pytest.raises(WrongCheckoutError, match="media"):
        other.check(pid)


def test_a_checkout_is_run_by_its_own_interpreter_if_it_has_one(other: Checkout, tmp_path: Path) -> None:
    assert other.python == Path(sys.executable)
    own = other.root / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert Checkout.at(other.root).python == own
    assert Checkout.at(other.root, tmp_path / "python3").python == tmp_path / "python3"
