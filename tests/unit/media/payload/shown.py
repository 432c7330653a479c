"""The order of showing that a depacketizer reads, and the one that an encoder wrote."""

from collections.abc import Sequence
from typing import Any

from media.payload.picture import Depacketizer, Order


def units_of(packet: Any) -> list[bytes]:
    """Of a packet of PyAV's, which holds a picture as a byte stream."""
    return [unit for unit in bytes(packet).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]


def orders(reader: Depacketizer, packets: Sequence[Any]) -> list[Order | None]:
    """Of each packet of PyAV's."""
    found = []
    for packet in packets:
        picture = reader.picture(units_of(packet))
        assert picture is not None
        found.append(picture.order)
    return found


def assert_as_written(found: Sequence[Order | None], packets: Sequence[Any]) -> None:
    """Each picture has an order, which is that of the encoder's times; some are not shown as they come."""
    times = [packet.pts for packet in packets]
    assert times != sorted(times)
    places = [order.place for order in found if order]
    assert len(places) == len(packets)
    assert sorted(range(len(packets)), key=lambda n: places[n]) == sorted(
        range(len(packets)), key=lambda n: times[n]
    )
