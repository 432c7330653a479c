"""A running system for the tests of a module, one Chromium, and the installed examples."""

from tests.e2e.pages.conftest import browser, system
from tests.support.npm_examples import examples, packed

__all__ = ["browser", "examples", "packed", "system"]
