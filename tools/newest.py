"""What Roomcast depends on, without its upper limits: `make newest` installs that, and runs the tests on it.

python -m tools.newest requirements     # lines for pip, on stdout
python -m tools.newest newer            # what is installed here and newer than pyproject.toml allows
"""

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
_UPPER = ("<", "<=", "==", "~=")


def main() -> None:
    found = list(requirements())
    if sys.argv[1:] == ["requirements"]:
        print(*map(uncapped, found), sep="\n")
    elif sys.argv[1:] == ["newer"]:
        newer = [
            f"{each.name} {version(each.name)}: pyproject.toml allows {each.specifier}"
            for each in found
            if not each.specifier.contains(version(each.name), prereleases=True)
        ]
        print(*newer or ["nothing is newer than what pyproject.toml allows"], sep="\n")
    else:
        sys.exit(__doc__)


def requirements() -> Iterator[Requirement]:
    """Those of the project and of its extras, but for the project itself."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in map(Requirement, sorted({line for lines in lists for line in lines})):
        if requirement.name != project["name"]:
            yield requirement


def uncapped(requirement: Requirement) -> Requirement:
    lower = [each for each in requirement.specifier if each.operator not in _UPPER]
    copy = Requirement(str(requirement))
    copy.specifier = SpecifierSet(",".join(map(str, lower)))
    return copy


if __name__ == "__main__":
    main()
