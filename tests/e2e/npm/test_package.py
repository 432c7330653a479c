"""What the npm package is made of, without a browser."""

import json
import re
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest

from tests.integration.deploy.files import ROOT, checked
from tools.release.npm_package import COMPILER, MODULES, PACKAGE, modules, pack


def test_it_has_the_pages_own_modules_with_types_and_the_projects_version(packed: Path) -> None:
    with tarfile.open(packed) as archive:
        files = {member.name.removeprefix("package/"): archive.extractfile(member) for member in archive}
        texts = {name: file.read().decode() for name, file in files.items() if file}
    scripts = {"index.js", *modules(ROOT)}
    assert {"whep-player.js", "whip-publisher.js", "room-events.js", "ice-servers.js"} <= scripts
    types = {name.replace(".js", ".d.ts") for name in scripts}
    assert set(texts) == scripts | types | {"package.json", "README.md", "LICENSE"}
    for name in modules(ROOT):
        assert texts[name] == (ROOT / MODULES / name).read_text(encoding="utf-8")
    # where a module was loaded from says nothing in a bundle
    assert not [name for name in scripts if "import.meta" in texts[name]]
    manifest = json.loads(texts["package.json"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert manifest["version"] == project["version"]
    assert manifest["license"] == project["license"]
    assert not manifest.keys() & {"dependencies", "devDependencies", "scripts"}
    assert texts["LICENSE"] == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_same_tree_packs_to_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    assert pack(ROOT, tmp_path).read_bytes() == packed.read_bytes()


def test_it_is_imported_without_a_page(packed: Path, tmp_path: Path) -> None:
    """As where a server renders a page: there is neither `document` nor `RTCPeerConnection`."""
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    code = "import('./package/index.js').then((all) => console.log(Object.keys(all).join(' ')))"
    exported = checked("node", "-e", code, cwd=tmp_path).split()
    readme = (ROOT / PACKAGE / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| export |") :]
    assert set(exported) == {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }


def test_what_the_documents_do_with_a_player_has_types(packed: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs/embedding.md").read_text(encoding="utf-8")
    examples = re.findall(r"```js\n(player\..*?)```", text, re.DOTALL)
    assert len(examples) == 2
    package = "import { WhepPlayer } from './package/index.js';"
    given = "declare const player: WhepPlayer, line: HTMLElement, menu: HTMLSelectElement;"
    code = tmp_path / "page.ts"
    code.write_text("\n".join([package, given, *examples]), encoding="utf-8")
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    options = ("--noEmit", "--strict", "--target", "es2022", "--moduleResolution", "bundler")
    checked(ROOT / COMPILER, *options, "--module", "es2022", code, cwd=tmp_path)


def test_it_is_not_packed_where_a_comment_and_its_code_differ(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a module whose types are exported, and in one that only others import."""
    for part in (MODULES, PACKAGE):
        shutil.copytree(ROOT / part, tmp_path / part)
    for name in ("LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    for module, was, becomes in (
        ("whep-player.js", "'reconnecting' | 'stopped'", "'stopped'"),
        ("sending-stats.js", "{'bandwidth' | 'cpu'} [limitedBy]", "{'cpu'} [limitedBy]"),
    ):
        file = tmp_path / MODULES / module
        text = file.read_text(encoding="utf-8")
        assert was in text
        file.write_text(text.replace(was, becomes), encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        pack(tmp_path, tmp_path)
    told = capfd.readouterr().err
    assert "whep-player.js" in told
    assert "sending-stats.js" in told


def test_the_pages_use_no_name_that_nobody_defines() -> None:
    """A page may use one only after a refusal or an error, of which not each has a test."""
    options = ("--noEmit", "--checkJs", "--target", "es2022", "--moduleResolution", "bundler")
    command = [ROOT / COMPILER, *options, "--module", "es2022", *sorted((ROOT / MODULES).glob("*.js"))]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode in (0, 2), told  # it finds more, as most modules do not tell types
    # a name, an export or a module that is not there; the first two also where one is much like it
    unknown = re.findall(r"^.*error TS(?:2304|2552|2305|2724|2614|2307):.*$", told.stdout, re.MULTILINE)
    assert unknown == []
