"""What a publisher sends costs no more than it sends: no timestamps and no parameters make files grow."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from media.recording.limits import ChangeAllowance, Limits
from media.rtp.packet import RtpPacket, parse
from media.rtp.run import Run
from tests.integration.recording.stage import by_suffix, new_writer
from tests.support.recorded import read
from tests.support.rtp_source import video
from tests.support.runs import run_of

PAYLOAD = b"\xe0" + bytes(20)  # Opus: one frame of 2.5 ms


def sound(number: int, timestamp: int) -> Run:
    packet = RtpPacket(False, True, 111, number & 0xFFFF, timestamp & 0xFFFFFFFF, 1, (), PAYLOAD)
    return run_of(packet, first=number)


@pytest.mark.parametrize("seconds", [29.0, 599.0, 40_000.0, -29.0, -40_000.0])
@pytest.mark.parametrize("forth_and_back", [False, True])
def test_timestamps_that_jump_with_each_packet_make_small_files(
    tmp_path: Path, seconds: float, forth_and_back: bool
) -> None:
    packets, every = 2_000, 0.02
    writer = new_writer(tmp_path, "opus", limits=Limits(seconds=10.0))
    timestamp = 0
    for number in range(packets):
        timestamp += round(48_000 * seconds) * (-1 if forth_and_back and number % 2 else 1)
        writer.take(sound(number, timestamp), number * every)
    writer.close(packets * every)
    for suffix, paths in by_suffix(tmp_path).items():
        assert sum(path.stat().st_size for path in paths) < 4 * packets * len(PAYLOAD), suffix
        assert len(paths) <= 2 + (packets * every + 30) / 10, suffix


def keyframes(count: int, every: float) -> Iterator[tuple[float, Run]]:
    """(when, run) of H.264 keyframes, each of another size than the one before."""
    kinds = [video("H264", 1 / 30, size=size) for size in ((320, 240), (160, 120))]
    index = 0
    for number in range(count):
        packets = [
            replace(parse(sent.data), timestamp=round(90_000 * every * number)) for sent in kinds[number % 2]
        ]
        yield every * number, run_of(*packets, first=index)
        index += len(packets)


def test_a_new_size_with_each_keyframe_makes_few_files(tmp_path: Path) -> None:
    seconds, every = 126.0, 1 / 32
    writer = new_writer(tmp_path, "H264")
    with capture_logs() as logs:
        for at, burst in keyframes(round(seconds / every), every):
            writer.take(burst, at)
            writer.tick(at)
        writer.close(seconds)
    files = by_suffix(tmp_path)
    assert len(files["mp4"]) <= 1 + ChangeAllowance.BURST + seconds / ChangeAllowance.SECONDS
    assert len(files["h264"]) == 1
    assert [log["event"] for log in logs] == [
        "the stream changes too often: the recording leaves out pictures"
    ]
    for path in files["mp4"]:
        assert len(read(path).sizes) == 1  # whatever is in a file, it decodes
