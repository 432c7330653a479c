"""A running system for the tests of a module, one Chromium, and the examples with the packed package."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.pages.conftest import browser, system
from tests.integration.deploy.files import ROOT, checked
from tests.support.served_folder import served_folder
from tools.release.npm_package import PACKAGE, pack

__all__ = ["browser", "system"]

INSTALL_SECONDS = 120.0
BUILD_SECONDS = 180.0  # beside other tests


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed package."""
    return pack(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def examples(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site with `plain/` and `react/`: their types are checked, the second one is built.

    Both use what the second one asks npm for: that is all that the first one asks for, and more.
    """
    site = tmp_path_factory.mktemp("npm") / "examples"
    shutil.copytree(ROOT / PACKAGE / "examples", site)
    react, plain = site / "react", site / "plain"
    options = ("--ignore-scripts", "--no-package-lock", "--prefer-offline", "--silent")
    checked("npm", "install", *options, packed, cwd=react, within=INSTALL_SECONDS)
    (plain / "node_modules").symlink_to(react / "node_modules")
    checked("npm", "run", "check", "--silent", cwd=plain, within=BUILD_SECONDS)
    checked("npm", "run", "check", "--silent", cwd=react, within=BUILD_SECONDS)
    checked("npm", "run", "build", "--silent", cwd=react, within=BUILD_SECONDS)
    with served_folder(site) as url:
        yield url
