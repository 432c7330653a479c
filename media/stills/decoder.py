"""The decoder process: reads keyframes on its standard input, writes pictures to its standard output.

It runs `python -m media.stills.decoder`, and ends with the pipe. It knows no settings and holds no secrets,
and never looks into a keyframe: for each it forks a child that is shut in (`media.stills.sandbox`), has that
keyframe and no other room's, and one pipe for its answer. Memory of both is limited by `RLIMIT_AS`, time of
the child by `RLIMIT_CPU`, wherever FFmpeg is at that moment.
"""

import gc
import math
import mmap
import os
import resource
from collections.abc import Callable

from media.stills.job import (
    HEAD,
    LENGTH,
    MAX_JOB_BYTES,
    MAX_OUTCOME_BYTES,
    JobError,
    Outcome,
    read_keyframe,
)
from media.stills.picture import StillError, still_pictures
from media.stills.sandbox import confine, die_with, limit_itself
from shared.messages.encoding import encode

MAX_CPU_SECONDS = 1.0  # for one keyframe; one of 4K takes a quarter of that


def main() -> None:
    limit_itself()
    gc.disable()  # a collection in each child would copy all memory
    gc.freeze()
    serve(0, 1)


def serve(source: int, sink: int) -> None:
    """Have each keyframe answered by a child of its own, until the pipe ends or one breaks its child."""
    memory = mmap.mmap(-1, MAX_JOB_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    room = memoryview(memory)  # holds a keyframe, then its answer; what one leaves here the next must not see
    counted = _spent()
    while length := _read_job(source, room):
        answer = _answer(room[:length], room[:MAX_OUTCOME_BYTES])
        if answer is None:
            return
        spent, counted = _spent() - counted, _spent()
        _write(sink, memoryview(HEAD.pack(spent, answer)))
        _write(sink, room[:answer])
        memory.madvise(mmap.MADV_DONTNEED)  # anonymous memory is zero again


def _read_job(source: int, room: memoryview) -> int:
    """Its length; 0 at the end of the pipe, and of a job that is too long."""
    head = bytearray(LENGTH.size)
    if _read(source, memoryview(head)) < LENGTH.size:
        return 0
    (length,) = LENGTH.unpack(head)
    return length if length <= len(room) and _read(source, room[:length]) == length else 0


def _answer(job: memoryview, room: memoryview) -> int | None:
    """Put the packed `Outcome` of a child into `room`; its length, or None if the keyframe broke it."""
    reader, writer = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if not child:
        _in_child(parent, lambda: _decode(job, reader, writer))
    os.close(writer)
    try:
        length = _read(reader, room)
    finally:
        os.close(reader)
    _, status = os.waitpid(child, 0)  # by our end of the pipe it ends if it says too much
    return length if status == 0 else None


def _in_child(parent: int, work: Callable[[], None]) -> None:
    try:
        die_with(parent)
        work()
        os._exit(0)
    finally:  # nothing else of this process must run in a child
        os._exit(1)


def _decode(job: memoryview, reader: int, writer: int) -> None:
    for other in (0, 1, 2, reader):
        os.close(other)
    seconds = math.ceil(MAX_CPU_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    confine(None, writer)
    try:
        outcome = Outcome(0, still_pictures(read_keyframe(bytes(job))))
    except (StillError, JobError) as fault:
        outcome = Outcome(0, {}, str(fault)[:200])
    _write(writer, memoryview(encode(outcome)))


def _read(source: int, room: memoryview) -> int:
    """How many bytes came until `room` was full or nothing was left."""
    length = 0
    while length < len(room) and (count := os.readv(source, [room[length:]])):
        length += count
    return length


def _write(sink: int, data: memoryview) -> None:
    while data:
        data = data[os.write(sink, data) :]


def _spent() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
