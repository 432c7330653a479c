"""The folder of the recordings: whether it can be written, really tried, and for how long it lasts."""

import os
import shutil
import tempfile
from pathlib import Path

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from shared.settings.settings import Settings

ABOUT = About("recordings")
# A room at 2.5 Mbit/s, in one form.
BYTES_A_SECOND = 2_500_000 / 8
LITTLE_HOURS, LEAST_BYTES = 8.0, 100_000_000


def look(settings: Settings, part: Part) -> list[Finding]:
    if not settings.record_enabled or not part.has_workers:
        return []
    folder = Path(settings.record_dir).absolute()
    try:
        existing = _existing(folder)
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return [
            ABOUT.fail(
                f"{folder} cannot be written: {error.strerror or error}",
                "give it to the user that runs the workers, or set RECORD_DIR to another folder",
            )
        ]
    return [room(folder, free, len(settings.record_formats))]


def room(folder: Path, free: int, forms: int) -> Finding:
    """`free`: bytes; `forms`: in how many forms each room is recorded."""
    hours = free / (BYTES_A_SECOND * forms) / 3600
    lasts = f"{folder} has {free / 1e9:.1f} GB free: {hours:.0f} hours of a room of 2.5 Mbit/s"
    mend = "a larger disk, RECORD_MIN_FREE_BYTES, or DELETE_RECORDING_AFTER_UPLOAD"
    if free < LEAST_BYTES:
        return ABOUT.fail(lasts, mend)
    return ABOUT.warn(lasts, mend) if hours < LITTLE_HOURS else ABOUT.ok(lasts)


def _existing(folder: Path) -> Path:
    """`folder`, or what is there of the way to it: a worker makes the rest."""
    while not folder.exists():
        folder = folder.parent
    return folder
