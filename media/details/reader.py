"""The process that reads one recording.

It runs `python -m media.details.reader SUFFIX WITH_PICTURES WHOLE`, with the file as its standard input, and
writes `Contents` to its standard output. It gets an open file and no path, knows no settings, holds no
secrets, and is shut in (`media.stills.sandbox`). The kernel limits its memory and its CPU.
"""

import os
import resource
import sys
from typing import BinaryIO

import av.subtitles.stream  # noqa: F401  # PyAV would import it with the first file, which is too late

from media.details.contents import NOTHING
from media.details.media_file import MediaFileError, contents_of
from media.stills.sandbox import confine, limit_itself
from shared.messages.encoding import encode

MAX_CPU_SECONDS = 10  # its start takes a fifth of one


def main() -> None:
    limit_itself()
    # SIGXCPU ends it, and SIGKILL a second later, which others send as well
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS + 1))
    suffix, with_pictures, whole = sys.argv[1], sys.argv[2] == "1", sys.argv[3] == "1"
    confine(0, 1)
    sys.stdout.buffer.write(answer(sys.stdin.buffer, suffix, with_pictures=with_pictures, whole=whole))
    sys.stdout.buffer.flush()
    os._exit(0)  # what Python does at its end would be refused


def answer(file: BinaryIO, suffix: str, *, with_pictures: bool, whole: bool) -> bytes:
    """The packed `Contents`: `NOTHING` of a file that cannot be read."""
    try:
        return encode(contents_of(file, suffix, with_pictures=with_pictures, whole=whole))
    except MediaFileError:
        return encode(NOTHING)


if __name__ == "__main__":
    main()
