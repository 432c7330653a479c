"""Recordings of each form, as the worker writes them, for what reads them afterwards."""

import shutil
from functools import cache
from pathlib import Path

from tests.integration.recording.stage import Stage, new_writer
from tests.support.rtp_source import Sent, audio, video

SECONDS = 4.0
SIZE = (1280, 720)


@cache
def _sent(codec: str) -> list[Sent]:
    return audio(SECONDS) if codec == "opus" else video(codec, SECONDS, size=SIZE)


def record(folder: Path, codec: str, *, crash: bool = False) -> None:
    """Record `SECONDS` of sound and picture in all forms; with `crash`, what that leaves near the end."""
    written = folder.with_name(f"{folder.name}-before-the-crash") if crash else folder
    stage = Stage(new_writer(written, "opus", codec), 2)
    stage.play(_sent("opus"), _sent(codec))
    if crash:
        shutil.copytree(written, folder)
    stage.writer.close(stage.now)
