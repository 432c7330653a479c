"""What a publisher sends costs no more than it sends: no timestamps make files grow."""

from pathlib import Path

import pytest

from media.recording.limits import Limits
from media.rtp.packet import RtpPacket
from media.rtp.run import Run
from tests.integration.recording.stage import by_suffix, new_writer
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
