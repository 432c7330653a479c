"""Whether a file that a killed worker left holds anything to play."""

from pathlib import Path

# What begins the media, by the suffix of the file: a fragment of MP4, a cluster of Matroska (RFC 9559 5.1.3).
_BEGIN = {"mp4": b"moof", "webm": b"\x1f\x43\xb6\x75", "mkv": b"\x1f\x43\xb6\x75"}
_HEADER_BYTES = 64 << 10  # a header is shorter: FFmpeg writes less than 1 kB and the parameters of the codecs


def has_media(path: Path) -> bool:
    """Whether media has been written behind the header of the file. Raises `OSError`.

    A file of a single track is written with its first frame, so it has some if it is not empty.
    """
    with path.open("rb") as file:
        begin = file.read(_HEADER_BYTES)
    return len(begin) == _HEADER_BYTES or (bool(begin) and _BEGIN.get(path.suffix[1:], b"") in begin)
