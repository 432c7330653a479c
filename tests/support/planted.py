"""A folder of recordings in which somebody has put files that are called like modules."""

from pathlib import Path

_MODULES = ("json", "msgspec", "shared")  # Python's own, a library's, ours
_TAKEN = "somebody-elses-code-ran"


def plant(folder: Path) -> None:
    """A process that takes modules from `folder` leaves a trace there, and fails."""
    for name in _MODULES:
        (folder / f"{name}.py").write_text(f"open({str(folder / _TAKEN)!r}, 'w')\nraise SystemExit(3)\n")


def was_run(folder: Path) -> bool:
    return (folder / _TAKEN).exists()
