"""The house's rules (CONTRIBUTING.md), as far as a machine can check them."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("control", "media", "shared", "deploy")
MOST_LINES = 600  # far beyond what one job takes
VAGUE_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc)($|_)")
# written in halves: this file is checked too
MACHINE_OR_INDEX = re.compile(r"pypi\.|python" r"hosted|/wor" r"k/|/ro" r"ot/|/ho" r"me/|/opt/wh" r"eels")
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")


def tracked() -> Iterator[Path]:
    """Our text files, without asking git: a release has none."""
    for folder in (*PACKAGES, "tests", "tools", "docs", "requirements", ".ci", ".github"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
    yield from (
        path for path in sorted(ROOT.iterdir()) if path.suffix in (".md", ".toml") or path.name == "Makefile"
    )


def sources() -> list[Path]:
    return [
        path for path in tracked() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES
    ]


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def test_no_file_has_run_away() -> None:
    ours = [path for path in tracked() if path.suffix == ".py"]
    assert not named([p for p in ours if len(p.read_text(encoding="utf-8").splitlines()) > MOST_LINES])


def test_files_are_named_for_a_job() -> None:
    assert not named([path for path in tracked() if VAGUE_NAMES.search(path.stem)])


def test_every_source_says_what_it_is_for() -> None:
    assert not named([path for path in sources() if not path.read_text(encoding="utf-8").startswith('"""')])


def test_no_file_names_a_machine_or_a_package_index() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in MACHINE_OR_INDEX.finditer(text)]
    assert not found


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_in_the_documentation_lead_somewhere() -> None:
    dead = []
    for page in (path for path in tracked() if path.suffix == ".md"):
        for link, anchor in LINK.findall(page.read_text(encoding="utf-8")):
            target = page.parent / link if link else page
            there = target.exists() and (not anchor or target.suffix != ".md" or anchor in anchors(target))
            dead += [] if there else [f"{page.relative_to(ROOT)}: {link}#{anchor}"]
    assert not dead


def test_each_module_is_imported_without_a_warning() -> None:
    """In an interpreter of its own, which has none of ours loaded.

    One order stands for all: no modules import each other in a circle (lint-imports), and mypy finds
    names that a module uses without importing them.
    """
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in sources()
    ]
    assert len(modules) > 200
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
