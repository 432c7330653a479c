"""From an empty Debian to a stream that Chromium plays, by the README's own lines, timed: `make first-hour`.

As root, with mmdebstrap. The copy of the repository is a clone of its HEAD: what is not committed is not
tried. The ports are free ones. Certificates and package indexes are this host's.
"""

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.tether import tethered
from tests.support.browser import chromium, open_watch_page
from tests.support.free_ports import free_media_port, free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLONE = "opt/roomcast"
EMPTY_DEBIAN = ("mmdebstrap", "--quiet", "--variant=minbase", "trixie")
START_SECONDS, LIVE_SECONDS, WATCH_SECONDS = 1800.0, 120.0, 60.0
SHARED = ("/usr/local/share/ca-certificates", "/etc/resolv.conf", "/etc/pip.conf")
TOLD = re.compile(r"PIP_(?!FIND_LINKS)|.*(SSL_CERT|CA_BUNDLE)")


def readme_lines() -> list[str]:
    """The block for an empty Debian; each line as it stands there."""
    (block,) = [one for one in re.findall(r"```\n(.*?)```", README, re.DOTALL) if "apt-get" in one]
    return str(block).splitlines()


def furnish(root: Path) -> None:
    """Copies into it the repository, and what this host trusts and asks: nothing of the host is written."""
    for path in SHARED:
        if Path(path).is_dir():
            shutil.copytree(path, f"{root}{path}", dirs_exist_ok=True)
        elif Path(path).exists():
            shutil.copy(path, f"{root}{path}")
    subprocess.run(["git", "clone", "--quiet", ROOT, root / CLONE], check=True)


def inside(root: Path, script: str, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Runs it in a Debian that lies in `root`; it ends, with all that it started, when this process ends."""
    steps = f"mount -t proc proc {root}/proc\nexec chroot {root} sh -ec {shlex.quote(script)}"
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", steps]
    with log.open("wb") as output:
        return subprocess.Popen(
            tethered(command), env=environment, cwd="/", stdout=output, stderr=subprocess.STDOUT
        )


def settings() -> dict[str, str]:
    told = {name: value for name, value in os.environ.items() if TOLD.match(name)}
    told |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
    return told | {
        "HTTP_ADDR": f":{free_port()}",
        "MEDIA_ADDR": f":{free_media_port()}",
        "WORKER_HTTP_ADDR": f"127.0.0.1:{free_port()}",
    }


async def watched(folder: Path) -> None:
    root, log, environment = folder / "debian", folder / "log", settings()
    began = time.monotonic()

    def told(what: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {what}", flush=True)

    await asyncio.to_thread(subprocess.run, [*EMPTY_DEBIAN, root], check=True)
    furnish(root)
    told("an empty Debian (not of the README)")
    lines = readme_lines()
    script = "\n".join(f"echo '@@ {line}'\n{line}" for line in lines)
    running = inside(root, f"cd /{CLONE}\n{script}", environment, log)
    said = 0

    def ready() -> bool:
        nonlocal said
        text = log.read_text(errors="replace")
        begun = re.findall(r"^@@ (.*)$", text, re.MULTILINE)
        for line in begun[said:]:
            told(f"begins: {line}")
        said = len(begun)
        assert running.poll() is None, text[-4000:]
        return "Roomcast is ready." in text

    await eventually("it is ready", ready, START_SECONDS)
    told("Roomcast is ready.")
    (demo,) = re.findall(r"`(\.venv/bin/roomcast demo)`", README)[:1]
    publishing = inside(root, f"cd /{CLONE}\n{demo}", environment, folder / "demo")
    url = f"http://localhost{environment['HTTP_ADDR']}"
    await eventually("it is live", lambda: b"Live." in (folder / "demo").read_bytes(), LIVE_SECONDS)
    told(f"live: {demo}")
    async with chromium() as browser, await open_watch_page(browser, url, "demo") as viewer:
        await viewer.sees_and_hears(WATCH_SECONDS)
    told("Chromium sees and hears it.")
    for process in (publishing, running):
        process.kill()
        process.wait()


def main() -> None:
    if os.geteuid():
        sys.exit("first_hour: only root makes an empty Debian")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(watched(Path(folder)))


if __name__ == "__main__":
    main()
