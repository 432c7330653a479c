"""The libraries that are installed, and those that are wanted."""

from importlib.metadata import version

import pytest

from deploy.doctor import libraries
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from shared.settings.settings import load_settings


def test_this_installation_is_well() -> None:
    finding = libraries.look(load_settings(), Part.UP)[0]
    assert finding.verdict is Verdict.OK
    assert f"PyAV {version('av')}" in finding.found
    assert "OpenSSL" in finding.found


def test_what_a_version_is_known_for_is_told() -> None:
    assert libraries.known_trouble(3) == []
    [finding] = libraries.known_trouble(4)
    assert "P-224" in finding.found


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        ("aiortc>=1.16,<1.17", ""),
        ("aiortc<1.0", f"aiortc is {version('aiortc')}, not <1.0"),
        ("no-such-package>=1", "no-such-package is not installed"),
        ('no-such-package>=1; extra == "dev"', ""),
    ],
)
def test_a_requirement_that_is_not_met_is_told(requirement: str, reason: str) -> None:
    assert libraries.unmet(requirement) == reason


def test_a_wrong_version_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "requires", lambda _: ["aiortc<1.0"])
    [finding] = libraries.look(load_settings(), Part.UP)
    assert finding.verdict is Verdict.FAIL
    assert "requirements/run.txt" in finding.mend
