"""The floor plan of the house, from the code's own imports: `make floors` prints it.

A floor is a layer of a contract in pyproject.toml, the lowest one first. An arrow is a module that imports
another one of the same package.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PACKAGES = ("media", "control", "shared")


class Plan:
    """The modules of one package, their imports, and the folders on their floors."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.floors = _floors(package) if package in PACKAGES else []
        graph = grimp.build_graph(package)
        self.imports: Mapping[str, set[str]] = {
            module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules
        }

    def folder(self, module: str) -> str:
        """The folder directly in the package, or the file, that holds a module; empty: the package itself."""
        return module.removeprefix(self.package).lstrip(".").partition(".")[0]

    def arrows(self) -> Counter[tuple[str, str]]:
        """Imports from one folder to another one."""
        found: Counter[tuple[str, str]] = Counter()
        for module, imported in self.imports.items():
            here = self.folder(module)
            found.update((here, there) for there in map(self.folder, imported) if there != here)
        return found

    def against(self) -> list[tuple[str, str]]:
        """Arrows that do not lead to a lower floor."""
        height = {folder: height for height, floor in enumerate(self.floors) for folder in floor}
        return [(one, other) for one, other in self.arrows() if height[one] <= height[other]]

    def homeless(self) -> list[str]:
        """Folders and files without a floor."""
        placed = set(chain.from_iterable(self.floors))
        return sorted({self.folder(module) for module in self.imports} - placed - {""})

    def circle(self) -> Sequence[str]:
        """Modules that import each other in a circle; empty: there is none."""
        try:
            tuple(TopologicalSorter(self.imports).static_order())
        except CycleError as error:
            return error.args[1]
        return ()

    def depth(self) -> int:
        """The longest chain of modules of which each imports the next one."""
        depths: dict[str, int] = {}
        for module in TopologicalSorter(self.imports).static_order():
            depths[module] = 1 + max((depths[other] for other in self.imports[module]), default=0)
        return max(depths.values())


def _floors(package: str) -> list[list[str]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract.get("containers") == [package]:
            return [floor.split(" | ") for floor in reversed(contract["layers"])]
    raise LookupError(package)


def lines(plan: Plan) -> Iterator[str]:
    arrows = plan.arrows()
    yield f"{plan.package}: {len(plan.imports)} modules, {sum(arrows.values())} arrows between folders"
    for height, floor in reversed(list(enumerate(plan.floors, 1))):
        yield f"  {height}  {'   '.join(floor)}"
    yield f"  arrows against the floors: {len(plan.against())}"
    yield f"  circles of modules: {int(bool(plan.circle()))}"
    yield f"  longest chain of modules: {plan.depth()}"


if __name__ == "__main__":
    for name in PACKAGES:
        print("\n".join(lines(Plan(name))))
