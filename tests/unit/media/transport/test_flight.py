"""A flight is repeated at its times, and no sooner; and it is cut between records."""

from media.transport.flight import LAST_REPEATS, REPEATS, Flight, datagrams_of


def record(kind: int, size: int, number: int = 0) -> bytes:
    return bytes((kind, 0xFE, 0xFD)) + bytes(8) + size.to_bytes(2) + number.to_bytes(6) + bytes(size - 6)


HELLO = record(22, 200, number=1)
FINISHED = record(22, 80) + record(20, 6) + record(22, 48)


def repeats(flight: Flight, since: float) -> list[float]:
    """When it is sent again, if nothing else happens, in seconds after `since`."""
    times = []
    while (next_at := flight.next_at) is not None:
        assert not flight.due(next_at - 0.001)
        assert flight.due(next_at)
        times.append(round(next_at - since, 6))
    assert not flight.due(since + 1000)
    return times


def test_a_flight_that_is_not_answered_is_repeated_early_and_not_for_ever() -> None:
    flight = Flight()
    flight.sent([HELLO], 5.0)
    assert repeats(flight, 5.0) == [*REPEATS]


def test_what_ends_a_clients_part_is_repeated_late() -> None:
    """FFmpeg's muxer stands still when it gets DTLS after the handshake."""
    flight = Flight()
    flight.sent([FINISHED], 5.0)
    assert repeats(flight, 5.0) == [*LAST_REPEATS]
    assert min(LAST_REPEATS) >= 0.4


def test_it_is_repeated_as_it_is() -> None:
    flight = Flight()
    flight.sent([HELLO, FINISHED], 0.0)
    assert flight.due(10.0) == [HELLO, FINISHED]


def test_the_next_flight_takes_its_place() -> None:
    flight = Flight()
    flight.sent([HELLO], 0.0)
    assert flight.due(REPEATS[0])
    flight.sent([FINISHED], 1.0)
    assert repeats(flight, 1.0) == [*LAST_REPEATS]


def test_openssls_own_repetition_begins_nothing_anew() -> None:
    flight = Flight()
    flight.sent([HELLO], 0.0)
    assert flight.due(REPEATS[0]) == [HELLO]
    again = HELLO[:10] + b"\x07" + HELLO[11:]  # with another record number
    flight.sent([again], 0.06)
    assert repeats(flight, 0.0) == [*REPEATS[1:]]
    flight.sent([HELLO], 1.0)
    assert flight.next_at is None


def test_nothing_is_repeated_that_was_not_sent_or_has_arrived() -> None:
    flight = Flight()
    assert flight.next_at is None
    assert not flight.due(10.0)
    flight.sent([HELLO], 0.0)
    flight.arrived()
    assert flight.next_at is None
    assert not flight.due(10.0)


def test_records_share_datagrams_of_1200_octets_and_none_is_torn_apart() -> None:
    records = [record(22, size) for size in (500, 500, 300, 900, 20, 1180, 6, 1500, 10)]
    datagrams = datagrams_of(b"".join(records))
    assert b"".join(datagrams) == b"".join(records)
    assert [len(each) for each in datagrams] == [1026, 313, 946, 1193, 19, 1513, 23]


def test_octets_that_are_no_records_are_not_lost() -> None:
    """OpenSSL writes none; but a wrong length must not end in a loop, or drop what follows."""
    for written in (b"\x16", b"\x16" * 13, HELLO + b"\x16\xfe", HELLO[:-5]):
        assert b"".join(datagrams_of(written)) == written
