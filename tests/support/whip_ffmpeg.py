"""FFmpeg as a WHIP publisher: that of imageio-ffmpeg."""

import re
import subprocess
from collections.abc import Sequence

from imageio_ffmpeg import get_ffmpeg_exe

TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")


def publish_command(url: str, options: Sequence[str], *, sound: Sequence[str] = TONE) -> list[str]:
    """H.264 and Opus, a test picture and a tone, or another `sound`; `options` are those of its muxer."""
    # fmt: off
    return [
        get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning", "-nostdin",
        "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25",
        "-re", *sound,
        "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency",
        "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p",
        "-c:a", "libopus", "-ac", "2",
        "-f", "whip", *options, url,
    ]
    # fmt: on


def version() -> str:
    """`9.0.2, OpenSSL`."""
    told = subprocess.run([get_ffmpeg_exe(), "-version"], capture_output=True, text=True, check=True).stdout
    number = re.search(r"version n?([\d.]+)", told)
    assert number
    return f"{number[1]}, {'OpenSSL' if '--enable-openssl' in told else 'GnuTLS'}"
