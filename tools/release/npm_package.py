"""`make npm`: packs the modules of the pages that play and publish as an npm package, with their types.

Nothing of it is written twice. The modules are those of control/web/js, as far as deploy/npm/index.js leads
to them. TypeScript makes the types from their comments, and fails where a comment and its code differ. The
version is the project's.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = Path("control/web/js")
PACKAGE = Path("deploy/npm")
COMPILER = Path(".venv/npm/node_modules/.bin/tsc")
_IMPORT = re.compile(r"""(?:\bfrom\s+|\bimport\()'\./([a-z-]+\.js)'""")


def main() -> None:
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    try:
        print(pack(ROOT, dist))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"npm: {error}", file=sys.stderr)
        sys.exit(1)


def pack(root: Path, dist: Path) -> Path:
    """The packed package in `dist`, `roomcast-{version}-npm.tgz`.

    Requires npm, and TypeScript in `.venv/npm`. Raises `OSError` without these, and
    `CalledProcessError` where types and code differ.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder)
        manifest = assemble(root, package)
        _run(package, root / COMPILER, "--project", package)
        _run(package, "npm", "pack", "--silent", "--pack-destination", package)
        name = f"{manifest['name']}-{manifest['version']}"
        return Path(shutil.move(package / f"{name}.tgz", dist / f"{name}-npm.tgz"))


def assemble(root: Path, package: Path) -> dict[str, str]:
    """Puts all files but the types into `package`, and returns its manifest."""
    for name in ("index.js", "README.md", "tsconfig.json"):
        shutil.copy(root / PACKAGE / name, package)
    shutil.copy(root / "LICENSE", package)
    for name in modules(root):
        shutil.copy(root / MODULES / name, package)
    manifest = json.loads((root / PACKAGE / "package.json").read_text(encoding="utf-8"))
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    manifest["version"] = project["version"]
    del manifest["devDependencies"]  # what packs it
    (package / "package.json").write_text(f"{json.dumps(manifest, indent=2)}\n", encoding="utf-8")
    return dict(manifest)


def modules(root: Path) -> set[str]:
    """The names of the modules that the package's entry imports, and those imports, and so on."""
    found: set[str] = set()
    unread = _imports(root / PACKAGE / "index.js")
    while unread:
        name = unread.pop()
        found.add(name)
        unread |= _imports(root / MODULES / name) - found
    return found


def _run(folder: Path, *command: str | Path) -> None:
    subprocess.run(list(map(str, command)), cwd=folder, stdout=sys.stderr, check=True)


def _imports(module: Path) -> set[str]:
    return set(_IMPORT.findall(module.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
