"""What tests of who may do what in rooms share."""

import pytest

from tests.unit.media.rooms.admission_world import World


@pytest.fixture
async def world() -> World:
    return World()
