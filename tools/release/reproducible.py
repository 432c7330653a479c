"""Makes the same archive of the same commit, whoever packs it, where and when."""

import gzip
import io
import subprocess
import tarfile
from pathlib import Path


def check_out(root: Path, target: Path) -> None:
    """Write into `target` what is committed, and nothing that lies about in `root`."""
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=root, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(target, filter="data")


def settle(archive: Path, time: int) -> None:
    """Pack a .tar.gz anew: files by name, `time` as the time of each, and no owner."""
    with tarfile.open(archive) as old, io.BytesIO() as buffer:
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=time) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as new,
        ):
            for entry in sorted(old.getmembers(), key=lambda one: one.name):
                entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = time, 0, 0, "", ""
                entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
                entry.pax_headers = {}
                new.addfile(entry, old.extractfile(entry) if entry.isfile() else None)
        archive.write_bytes(buffer.getvalue())
