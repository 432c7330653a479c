"""`make sign`: signs the checksums in dist/, and so all files of a release, by the SSH key in SIGNING_KEY.

Who verifies it needs no program but OpenSSH's.
"""

import os
import subprocess
import sys
from pathlib import Path

from deploy.release import ROOT, SUMS

SIGNERS = ROOT / "deploy" / "release_signers"


def main() -> None:
    if not (key := os.environ.get("SIGNING_KEY")):
        sys.exit("sign: SIGNING_KEY names no file")
    if problem := sign(ROOT / "dist", Path(key).expanduser(), SIGNERS):
        sys.exit(f"sign: {problem}")


def sign(dist: Path, key: Path, signers: Path) -> str:
    """What went wrong, in a line; there is no signature then."""
    signature = dist / f"{SUMS}.sig"
    signature.unlink(missing_ok=True)
    options = ("-n", "file")
    signing = ("ssh-keygen", "-q", "-Y", "sign", "-f", str(key), *options, SUMS)
    if subprocess.run(signing, cwd=dist, check=False).returncode:  # noqa: S603
        return f"{key} signs nothing"
    verifying = (
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        str(signers),
        "-I",
        "releases",
        *options,
        "-s",
        str(signature),
    )
    with (dist / SUMS).open("rb") as sums:
        if subprocess.run(verifying, cwd=dist, stdin=sums, check=False).returncode:  # noqa: S603
            signature.unlink()
            return f"{signers.name} has no line for that key: nobody could verify it"
    return ""


if __name__ == "__main__":
    main()
