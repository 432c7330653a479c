"""A mutant in a process of its own: the tests that reach it, until one fails."""

import contextlib
import gc
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

OURS = ("control", "media", "shared", "deploy", "tests", "tools")
_PLUGINS = ("-p", "no:cacheprovider", "-p", "no:xdist")
_PLUGINS_ARE_LOADED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")


def run_tests(tests: list[str], *plugins: object, at_once: bool = True) -> int:
    """Run `tests` in this process, with the same examples each time; until one fails, if `at_once`."""
    options = ["-q", "--no-header", "--hypothesis-seed=0", *_PLUGINS, *_PLUGINS_ARE_LOADED]
    return int(pytest.main([*options, *(["-x"] if at_once else []), *tests], plugins=list(plugins)))


class Killer:
    """A plug-in of pytest's that remembers the test that failed."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.name = f"import of {report.nodeid}"


def in_child(work: Callable[[], Any], cpu: float, wall: float) -> Any:
    """What `work` returns in a fork of this process; None: it took too long, or the process died."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        os.setsid()
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        sys.dont_write_bytecode = True
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu) + 1, int(cpu) + 2))
        quiet = os.open(os.environ.get("MUTANTS_OUTPUT", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            result = pickle.dumps(work())
        except BaseException as error:
            result = pickle.dumps(error)
        with open(write, "wb") as pipe:
            pipe.write(result)
        os._exit(0)
    os.close(write)
    signal.signal(signal.SIGALRM, lambda *_: _end(child))
    signal.alarm(int(wall) + 1)
    try:
        with open(read, "rb") as pipe:
            result = pipe.read()
    finally:
        signal.alarm(0)
        _end(child)
        os.waitpid(child, 0)
    found = pickle.loads(result) if result else None
    if isinstance(found, BaseException):
        raise found
    return found


def _end(child: int) -> None:
    """End it, with all processes that its tests started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


@contextlib.contextmanager
def on_disk(path: Path, code: str) -> Iterator[None]:
    """With `code` in the file at `path`, for the processes that a test starts."""
    before, times = path.read_text(encoding="utf-8"), path.stat()
    path.write_text(code, encoding="utf-8")
    later = times.st_mtime + 1000 + time.monotonic() % 100_000  # so that no compiled file is taken for it
    os.utime(path, (later, later))
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


Changed = dict[tuple[str, int], CodeType]  # name and first line of a function -> its code


def changed_functions(path: Path, old: str, new: str) -> Changed | None:
    """None: more than functions differs, so that the module has to be imported anew."""
    changed: Changed = {}

    def compare(old: CodeType, new: CodeType) -> bool:
        if old.co_code != new.co_code or old.co_names != new.co_names:
            return False
        olds, news = ([c for c in code.co_consts if isinstance(c, CodeType)] for code in (old, new))
        if len(olds) != len(news) or [c for c in old.co_consts if c not in olds] != [
            c for c in new.co_consts if c not in news
        ]:
            return False
        for one, other in zip(olds, news, strict=True):
            if one == other:
                continue
            if one.co_flags & 2:  # CO_NEWLOCALS: a function, no class
                changed[one.co_qualname, one.co_firstlineno] = other
            elif not compare(one, other):
                return False
        return True

    codes = [compile(code, path, "exec", dont_inherit=True) for code in (old, new)]
    return changed if compare(*codes) else None


def swap(path: Path, changed: Changed) -> None:
    """Give each living function of the file its changed code."""
    left = set(changed)
    gc.unfreeze()  # what collected tests have imported: see tests/conftest.py
    for function in [f for f in gc.get_objects() if isinstance(f, FunctionType)]:
        code = function.__code__
        key = code.co_qualname, code.co_firstlineno
        if code.co_filename == str(path) and key in changed:
            function.__code__ = changed[key]
            left.discard(key)
    if left:
        raise LookupError(f"no such function: {left}")
