"""One running system, one Chromium and the installed examples, for all tests of a module."""

from tests.e2e.pages.conftest import browser, system
from tests.support.npm_examples import examples, packed

__all__ = ["browser", "examples", "packed", "system"]
