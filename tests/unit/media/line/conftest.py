"""Who sends into a line of which nothing is known yet."""

import pytest

from tests.support.told_sender import Sender


@pytest.fixture
def sender() -> Sender:
    """It has sent 1 Mbit/s for a while, and nobody has said anything."""
    sender = Sender()
    sender.send(1_000_000, 4)
    return sender
