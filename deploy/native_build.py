"""Builds the native step where that can be done: `python -m deploy.native_build`.

Nobody has to have it, so it does not fail: one line says what became of it. It wants a C compiler, Python's
headers and those of OpenSSL 3. $CC and $CFLAGS are what they always are.
"""

import os
import shlex
import subprocess
import sysconfig
from pathlib import Path

from media import native

_FOLDER = Path(native.__file__).parent
_SOURCES = (
    "fan_out.c",
    "sending.c",
    "opening.c",
    "receiving.c",
    "laying.c",
    "run.c",
    "elements.c",
    "pictures.c",
    "keyframes.c",
    "joined.c",
)
_HEADERS = ("sending.h", "module.h", "laying.h", "run.h", "joined.h")
_FLAGS = ("-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-fvisibility=hidden")
_BUILD_SECONDS = 120.0
# Named by its Python: what one of 3.13 compiles does not parse its arguments under 3.11.
BUILT = _FOLDER / f"fan_out{sysconfig.get_config_var('EXT_SUFFIX')}"


def build() -> str:
    """Build it next to its sources, unless it is newer than they are. What became of it, as one line."""
    newest = max((_FOLDER / name).stat().st_mtime for name in (*_SOURCES, *_HEADERS))
    if BUILT.exists() and BUILT.stat().st_mtime >= newest:
        return "The native step is there: media is sent in C."
    fresh = BUILT.with_suffix(f".{os.getpid()}.new")  # another build may run
    command = [
        *shlex.split(os.environ.get("CC", "cc")),
        *_FLAGS,
        *shlex.split(os.environ.get("CFLAGS", "")),
        f"-I{sysconfig.get_path('include')}",
        *(str(_FOLDER / name) for name in _SOURCES),
        "-o",
        str(fresh),
        "-lcrypto",
    ]
    try:
        BUILT.unlink(missing_ok=True)
    except OSError as error:
        return f"Without the native step: {error.strerror} in {_FOLDER}. Media is sent in Python."
    try:
        result = subprocess.run(  # noqa: S603  # of whoever builds
            command, capture_output=True, text=True, timeout=_BUILD_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"Without the native step: there is no C compiler ({error}). Media is sent in Python."
    if result.returncode:
        errors = [line for line in result.stderr.splitlines() if "error" in line]
        return f"Without the native step: {(errors or ['it cannot be built'])[0]} Media is sent in Python."
    try:
        fresh.replace(BUILT)  # at once: a worker that starts meanwhile loads a whole one
    except OSError as error:
        return (
            f"Without the native step: {BUILT} cannot be written ({error.strerror}). Media is sent in Python."
        )
    return "Built the native step: media is sent in C."


if __name__ == "__main__":
    print(build())
