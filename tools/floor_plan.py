"""The floor plan of the house, from the code's own imports: `make floors` prints it.

A floor is a layer of a contract in pyproject.toml. An arrow is a module that imports another one of the same
package; that none leads upwards, or in a circle, is for `lint-imports` to say.
"""

import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
PACKAGES = ("media", "control", "shared")


def lines(package: str) -> Iterator[str]:
    graph = grimp.build_graph(package)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    def folder(module: str) -> str:
        """That directly in the package, or the file, that holds a module."""
        return module.removeprefix(package).lstrip(".").partition(".")[0]

    depths: dict[str, int] = {}  # of the longest chain of modules of which each imports the next one
    for module in TopologicalSorter(imports).static_order():
        depths[module] = 1 + max((depths[other] for other in imports[module]), default=0)
    arrows = sum(folder(one) != folder(other) for one, others in imports.items() for other in others)
    floors = _floors(package)
    yield f"{package}: {len(imports)} modules, {arrows} arrows between folders"
    for height, floor in zip(range(len(floors), 0, -1), floors, strict=True):
        yield f"  {height}  {floor.replace(' | ', '   ')}"
    yield f"  longest chain of modules: {max(depths.values())}"


def _floors(package: str) -> list[str]:
    """The highest one first."""
    contracts = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (floors,) = (one["layers"] for one in contracts if one.get("containers") == [package])
    return list(floors)


if __name__ == "__main__":
    for name in PACKAGES:
        print("\n".join(lines(name)))
