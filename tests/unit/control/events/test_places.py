"""How many event streams a process has."""

import pytest

from control.events.places import StreamPlaces
from shared.errors import ErrorCode, ServiceError


def taken(places: StreamPlaces, kind: str) -> int:
    """How many of that kind find a place."""
    number = 0
    while True:
        try:
            places.take(kind)
        except ServiceError:
            return number
        number += 1


@pytest.mark.parametrize(
    ("connections", "of_kind", "of_all"),
    [(14_000, 10_000, 12_000), (896, 640, 768), (100_000, 10_000, 85_714), (1, 1, 1)],
)
def test_streams_leave_places_to_others(connections: int, of_kind: int, of_all: int) -> None:
    places = StreamPlaces(connections)
    assert taken(places, "rooms") == of_kind
    with pytest.raises(ServiceError) as caught:
        places.take("rooms")
    assert (caught.value.code, caught.value.retry_after) == (ErrorCode.NO_WORKER, 5)
    assert taken(places, "viewers") == min(of_kind, of_all - of_kind)
    places.leave("rooms")
    assert taken(places, "rooms") == 1
