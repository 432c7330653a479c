"""Keeps libraries from importing others along, which they do where those happen to be installed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """In this block these modules look as if they were not installed, unless they have been imported.

    An import system that finds None for a module raises `ModuleNotFoundError`.
    """
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
