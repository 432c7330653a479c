"""Wheel and sdist in an empty environment of each Python that is here: whole, and streaming to a browser."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from deploy.tether import tethered
from tests.integration.deploy.files import ROOT, checked
from tests.integration.deploy.test_containers import copied
from tests.support.browser import chromium, open_publish_page, open_watch_page
from tests.support.free_ports import free_media_port, free_port
from tests.support.waiting import eventually

START_SECONDS = 60.0  # nothing is compiled yet
WATCH_SECONDS = 30.0
EXTRAS = "[s3,standalone]"
SUPPORTED = SpecifierSet(">=3.11,<3.15")
MINORS = range(11, 15)

pytestmark = [pytest.mark.soak, pytest.mark.e2e]

READS_DAMAGED = """
from shared.messages.encoding import DecodeError, read
from shared.rpc.request import Request

for damaged in (b"", b"\\x80", b"\\x81\\xa2id\\xa1\\xff", b"\\x91" * 100_000):
    try:
        read(Request, damaged)
    except DecodeError:
        continue
    raise AssertionError(damaged)
"""


def pythons() -> Iterator[tuple[str, Path]]:
    """Version and program of one Python of each supported minor version that works here; pyenv's, too."""
    own = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in MINORS:
        here = shutil.which(f"python3.{minor}")
        candidates = [*sorted(own.glob(f"3.{minor}.*/bin/python")), *([Path(here)] if here else [])]
        for path in candidates:
            asked = subprocess.run(
                [path, "-c", "import ssl, venv, platform; print(platform.python_version())"],
                capture_output=True,
                text=True,
                timeout=30,
            )
            if asked.returncode == 0:
                yield asked.stdout.strip(), path
                break


PYTHONS = dict(pythons())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of wheel and sdist, built as a release builds them, of the files of today."""
    folder = tmp_path_factory.mktemp("built")
    checked("make", ".venv/release.stamp", cwd=ROOT, within=400)
    for path in [*copied(), "MANIFEST.in"]:
        target = folder / "src" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        checked("cp", "-r", ROOT / path, target)
    build = (ROOT / ".venv" / "release" / "bin" / "python", "-m", "build", "--no-isolation")
    checked(*build, "--outdir", folder / "dist", folder / "src", within=300)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def runners(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs uv and pipx."""
    venv = environment(tmp_path_factory.mktemp("runners") / "venv", next(iter(PYTHONS.values())))
    installed(venv, "uv", "pipx")
    return venv / "bin"


def environment(folder: Path, python: Path) -> Path:
    checked(python, "-m", "venv", "--without-pip", folder)
    return folder


def installed(venv: Path, *arguments: str | Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pip", "--python", venv, "install", "--quiet", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def floors(wheel: Path) -> list[str]:
    """The oldest versions that the wheel's metadata allows."""
    with ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    assert SpecifierSet(str(metadata["Requires-Python"])) == SUPPORTED
    found = []
    for text in metadata.get_all("Requires-Dist", []):
        wanted = Requirement(text)
        if wanted.marker and 'extra == "dev"' in str(wanted.marker):
            continue
        (floor,) = (one.version for one in wanted.specifier if one.operator == ">=")
        found.append(f"{wanted.name}=={floor}")
    return found


def started(command: list[str], folder: Path, settings: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            tethered(command),
            cwd=folder,
            env=settings,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextlib.asynccontextmanager
async def up(command: list[str | Path], folder: Path, **environment: str) -> AsyncIterator[str]:
    """`roomcast up` in an empty folder with an empty environment: the URL of its control."""
    port, log = free_port(), folder / "log"
    settings = environment | {
        "PATH": os.environ["PATH"],
        "HTTP_ADDR": f"127.0.0.1:{port}",
        "MEDIA_ADDR": f"127.0.0.1:{free_media_port()}",
        "WORKER_HTTP_ADDR": "127.0.0.1:0",
        "STUN_URLS": "",
        "RECORD_ENABLED": "1",
    }
    process = started([*map(str, command), "up"], folder, settings, log)
    try:

        async def ready() -> bool:
            assert process.poll() is None, log.read_text()
            return "Roomcast is ready." in log.read_text()

        await eventually("it is ready", ready, START_SECONDS)
        yield f"http://127.0.0.1:{port}"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.wait(10) == 0
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.kill()
        process.wait()


async def streams(url: str) -> None:
    """From a browser's camera to another tab, by the pages that are in the wheel."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        for path in ("/", "/admin", "/docs", "/openapi.yaml", "/watch/demo", "/static/js/whep-player.js"):
            assert (await http.get(path)).status_code == 200, path
    async with (
        chromium() as browser,
        await open_publish_page(browser, url, "demo") as publisher,
        await open_watch_page(browser, url, "demo") as viewer,
    ):
        await publisher.publish()
        await publisher.tells("Live in demo.")
        await viewer.tells("Watching demo.")
        await viewer.sees_and_hears(WATCH_SECONDS, frames=20)


@pytest.mark.parametrize("version", PYTHONS)
async def test_it_streams_with_the_pinned_libraries(version: str, wheel: Path, tmp_path: Path) -> None:
    venv = environment(tmp_path / "venv", PYTHONS[version])
    installed(venv, "--require-hashes", "-r", ROOT / "requirements" / "run.txt")
    installed(venv, "--no-deps", wheel)
    async with up([venv / "bin" / "roomcast"], tmp_path) as url:
        await streams(url)


@pytest.mark.parametrize("version", list(PYTHONS)[:1])
async def test_it_streams_with_the_oldest_libraries_that_it_allows(
    version: str, wheel: Path, tmp_path: Path
) -> None:
    venv = environment(tmp_path / "venv", PYTHONS[version])
    installed(venv, f"{wheel}{EXTRAS}", *floors(wheel))
    # what a library raises may be another error there
    checked(venv / "bin" / "python", "-c", READS_DAMAGED, cwd=tmp_path)
    async with up([venv / "bin" / "roomcast"], tmp_path) as url:
        await streams(url)


def test_without_extras_it_says_what_it_lacks(wheel: Path, tmp_path: Path) -> None:
    venv = environment(tmp_path / "venv", next(iter(PYTHONS.values())))
    installed(venv, wheel)
    done = subprocess.run(
        [venv / "bin" / "roomcast", "up"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert re.fullmatch(r"roomcast: REDIS_URL: .*pip install 'roomcast\[standalone\]'\)\n", done.stderr)


@pytest.mark.parametrize("version", PYTHONS)
async def test_the_sdist_streams_in_python_or_builds_its_native_step(
    version: str, built: Path, tmp_path: Path
) -> None:
    venv = environment(tmp_path / "venv", PYTHONS[version])
    (sdist,) = built.glob("*.tar.gz")
    installed(venv, "--require-hashes", "-r", ROOT / "requirements" / "run.txt")
    installed(venv, "--no-deps", sdist)
    roomcast, python = venv / "bin" / "roomcast", venv / "bin" / "python"
    building = (python, "-P", "-m", "deploy.native_build")
    assert "build it: python -m deploy.native_build" in checked(roomcast, "config", cwd=tmp_path)
    assert "Media is sent in Python." in checked("env", "CC=false", *building, cwd=tmp_path)
    if version == next(iter(PYTHONS)):
        async with up([roomcast], tmp_path) as url:
            await streams(url)
    assert "Built the native step" in checked(*building, cwd=tmp_path)
    assert "Media is sent by the native step." in checked(roomcast, "config", cwd=tmp_path)
    async with up([roomcast], tmp_path, NATIVE="on") as url:
        await streams(url)


@pytest.mark.parametrize("runner", ["uvx", "pipx"])
async def test_it_streams_without_an_installation(
    runner: str, wheel: Path, runners: Path, tmp_path: Path
) -> None:
    """As docs/releases.md names it, of the file instead of the published name."""
    command: dict[str, list[str | Path]] = {
        "uvx": [runners / "uvx", "--from", f"roomcast{EXTRAS} @ {wheel.as_uri()}", "roomcast"],
        "pipx": [runners / "pipx", "run", "--spec", f"{wheel}{EXTRAS}", "roomcast"],
    }
    folders = {name: str(tmp_path / name) for name in ("HOME", "PIPX_HOME", "UV_CACHE_DIR", "UV_TOOL_DIR")}
    async with up(command[runner], tmp_path, **{**os.environ, **folders}) as url:
        await streams(url)
