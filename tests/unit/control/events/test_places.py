"""How many event streams a process has, and who gives way."""

import pytest

from control.events.places import Place, Places
from control.http.long_response import Reader
from shared.errors import ErrorCode, ServiceError


class _Reader(Reader):
    is_given_up = False

    def give_up(self) -> None:
        self.is_given_up = True


class _Place(Place):
    def __init__(self, kind: str, client: str) -> None:
        super().__init__(client)
        self.kind, self.reader = kind, _Reader()


def taken(places: Places, kind: str, client: str = "ann") -> list[_Place]:
    """Streams of that kind and client, until none finds a place."""
    streams = []
    while True:
        stream = _Place(kind, client)
        try:
            places.take(stream)
        except ServiceError:
            return streams
        streams.append(stream)


@pytest.mark.parametrize(
    ("connections", "of_kind", "of_all"),
    [(14_000, 10_000, 12_000), (896, 640, 768), (100_000, 10_000, 85_714), (1, 1, 1)],
)
def test_streams_leave_places_to_others(connections: int, of_kind: int, of_all: int) -> None:
    places = Places(connections)
    first, *others = taken(places, "rooms")
    assert 1 + len(others) == of_kind
    assert len(taken(places, "viewers")) == min(of_kind, of_all - of_kind)
    with pytest.raises(ServiceError) as caught:
        places.take(_Place("rooms", "ann"))
    assert (caught.value.code, caught.value.retry_after) == (ErrorCode.NO_WORKER, 5)
    places.leave(first)
    places.leave(first)
    assert len(taken(places, "rooms")) == 1


def test_who_has_most_gives_way_down_to_an_equal_share() -> None:
    places = Places(14)  # 10 of a kind, 12 in all
    eve = taken(places, "rooms", "eve")
    bob = taken(places, "rooms", "bob")
    assert [stream.ended for stream in eve] == [True] * 5 + [False] * 5
    assert [stream.reader.is_given_up for stream in eve] == [stream.ended for stream in eve]
    assert len(bob) == 5
    assert not any(stream.ended for stream in bob)
    assert not taken(places, "rooms", "eve")
    assert len(taken(places, "viewers", "eve")) == 2
    assert len(taken(places, "viewers", "ann")) > 2  # of all kinds, since all places are taken
