"""Builds the server on Pion that ours is compared with, of what Debian has for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_SOURCE = Path(__file__).with_name("pion_server.go")
_LIBRARIES = Path("/usr/share/gocode")  # where Debian puts Go's
_BUILD_SECONDS = 300.0


def built_pion_server(directory: Path) -> Path:
    """The program, built in `directory`; leaves with a word where that cannot be."""
    if shutil.which("go") is None or not (_LIBRARIES / "src/github.com/pion/webrtc").exists():
        sys.exit("--pion wants apt-get install golang-go golang-github-pion-webrtc.v3-dev")
    # Go finds the major version of an import only from a package that is in GOPATH and names a module
    package = directory / "src/pion_server"
    package.mkdir(parents=True)
    shutil.copy(_SOURCE, package / "main.go")
    (package / "go.mod").write_text("module pion_server\n")
    program = directory / "pion_server"
    subprocess.run(
        ["go", "build", "-o", program, "."],
        cwd=package,
        env={
            "PATH": os.environ["PATH"],
            "GO111MODULE": "off",
            "GOPATH": f"{directory}:{_LIBRARIES}",
            "GOCACHE": str(directory / "cache"),
        },
        check=True,
        timeout=_BUILD_SECONDS,
    )
    return program
