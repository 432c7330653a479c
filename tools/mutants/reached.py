"""Which tests reach which lines of some files, and how long each takes."""

import sys
import time
from collections import defaultdict
from collections.abc import Generator
from types import CodeType
from typing import Any

import pytest

_TOOL = 4  # of sys.monitoring: one that nobody else has


class Reached:
    """A plug-in of pytest's."""

    def __init__(self, prefixes: tuple[str, ...]) -> None:
        self.tests: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self._prefixes = prefixes
        self._test: str | None = None
        sys.monitoring.use_tool_id(_TOOL, "mutants")
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.LINE, self._line)
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.LINE)

    def _line(self, code: CodeType, line: int) -> Any:
        if self._test and code.co_filename.startswith(self._prefixes):
            self.tests[code.co_filename, line].add(self._test)
        return sys.monitoring.DISABLE

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._test = item.nodeid
        sys.monitoring.restart_events()
        began = time.monotonic()
        try:
            return (yield)
        finally:
            self._test = None
            self.seconds[item.nodeid] = time.monotonic() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)
