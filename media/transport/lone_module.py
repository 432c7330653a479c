"""Imports one module of a library without the rest of it, which its package would import along."""

import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def lone_module(package: str, name: str, left_out: Iterable[str]) -> ModuleType:
    """The module `name` of `package`, whose `__init__` does not run.

    It is a copy that no other importer of the package gets. Instead of the modules of the package that are
    `left_out` it finds stand-ins, in which every name is `Unused`. Raises `ModuleNotFoundError`.
    """
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"no package named {package!r}", name=package)
    alone = f"{package}_alone"
    holder = ModuleType(alone, "Holds what was imported of the package.")
    holder.__path__ = spec.submodule_search_locations
    sys.modules[alone] = holder
    for each in left_out:
        sys.modules[f"{alone}.{each}"] = _StandIn(f"{alone}.{each}")
    return import_module(f"{alone}.{name}")


class Unused:
    """Stands for whatever a stand-in is asked for. It can be made, and named as a type."""


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> type[Unused]:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unused
