"""What a process allows itself before it decodes what a stranger has sent."""

import os
import resource

NICE = 10
# Of addresses. Python and FFmpeg take 130 MB of them, a picture of 4096 x 2304 another 30. A pod must
# hold the worker, both processes that decode, and the one that starts decoders: 1 GiB does.
MAX_MEMORY_BYTES = 320 * 1024 * 1024


def limit_itself() -> None:
    """Let media go first, take no more memory than that, leave no core, and write into no file."""
    os.nice(NICE)
    for kind, most in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (most, most))
