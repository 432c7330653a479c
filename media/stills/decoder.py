"""The decoder process: reads keyframes on its standard input, writes pictures to its standard output.

It runs `python -m media.stills.decoder`, and ends with the pipe. It knows no settings and holds no secrets.
What a keyframe may cost is limited by the kernel: memory by `RLIMIT_AS`, time by a timer whose signal ends
the process, wherever FFmpeg is at that moment.
"""

import signal
import sys
import time
from typing import BinaryIO

from media.stills.job import LENGTH, MAX_KEYFRAME_BYTES, JobError, Outcome, packed, read_keyframe
from media.stills.own_limits import limit_itself
from media.stills.picture import StillError, still_pictures

MAX_CPU_SECONDS = 1.0  # for one keyframe; one of 4K takes a quarter of that
_OVERHEAD_BYTES = 64 * 1024  # of the message around a keyframe's bytes


def main() -> None:
    limit_itself()
    serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer each keyframe until the pipe ends; each counts all time since the answer before."""
    counted = time.process_time()
    while (head := source.read(LENGTH.size)) and len(head) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        if length > MAX_KEYFRAME_BYTES + _OVERHEAD_BYTES:
            return
        pictures, error = _answered(source.read(length))
        spent, counted = time.process_time() - counted, time.process_time()
        sink.write(packed(Outcome(spent, pictures, error)))
        sink.flush()


def _answered(data: bytes) -> tuple[dict[int, bytes], str]:
    signal.setitimer(signal.ITIMER_PROF, MAX_CPU_SECONDS)
    try:
        return still_pictures(read_keyframe(data)), ""
    except (StillError, JobError) as fault:
        return {}, str(fault)[:200]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
