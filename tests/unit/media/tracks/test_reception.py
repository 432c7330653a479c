"""What receiver reports say to a publisher."""

from hypothesis import given
from hypothesis import strategies as st

from media.tracks.reception import ReceptionStats

FRAME = 960  # 20 ms of Opus at 48 kHz


@given(
    frames=st.lists(st.integers(1, 30 * 60 * 50), min_size=2, max_size=60),  # from each packet to the next
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
)
def test_silence_that_is_not_sent_is_neither_loss_nor_jitter(
    frames: list[int], sequence: int, timestamp: int
) -> None:
    """With DTX (RFC 7587 3.1.3) the numbers go on, and the timestamps leave the silence out."""
    stats = ReceptionStats(1, 48_000)
    now = 1_000.0
    for frame in frames:
        stats.received(sequence, [timestamp], now)
        now += frame / 50
        sequence, timestamp = sequence + 1 & 0xFFFF, timestamp + frame * FRAME & 0xFFFFFFFF
    block = stats.take_block(now)
    assert block is not None
    assert (block.fraction_lost, block.packets_lost, stats.loss) == (0, 0, 0.0)
    assert block.jitter <= 1  # of 1/48000 s: times are rounded
