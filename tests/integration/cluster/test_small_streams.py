"""The benchmark of event streams itself, as small as can be."""

import pytest

from tools.sim.streams import event_streams


@pytest.mark.soak
async def test_streams_are_measured() -> None:
    lines = [line async for line in event_streams(20, 100, seconds=2)]
    assert len(lines) == 4
