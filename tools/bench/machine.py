"""Where and on what a measurement was made, in the line that goes above its table."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]


def machine() -> str:
    """Date, commit, processor, kernel, Python, and the load average of the last minute."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {os.cpu_count()} cores ({_processor()}),"
        f" Linux {platform.release()}, Python {platform.python_version()},"
        f" load average {os.getloadavg()[0]:.1f}"
    )


def commit(root: Path = ROOT) -> str:
    """Of the checkout at `root`."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True).stdout.strip()

    try:
        found = git("rev-parse", "--short", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except FileNotFoundError:
        found = changed = ""
    return (found or "unknown") + (" with changes" if changed else "")


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()
