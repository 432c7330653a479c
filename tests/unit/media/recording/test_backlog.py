"""What may wait for the disk."""

from media.recording.backlog import ROOM_BYTES, TOTAL_BYTES, Backlog, RoomBacklog


def test_a_room_holds_so_much_and_no_byte_more() -> None:
    room = RoomBacklog(Backlog())
    assert room.add(ROOM_BYTES)
    assert not room.add(1)
    room.took(1)
    assert room.add(1)
    assert not room.add(1)
    assert room.size == ROOM_BYTES


def test_all_rooms_together_hold_so_much_and_no_byte_more() -> None:
    total = Backlog()
    rooms = [RoomBacklog(total) for _ in range(TOTAL_BYTES // ROOM_BYTES)]
    assert all(room.add(ROOM_BYTES) for room in rooms)
    newcomer = RoomBacklog(total)
    assert not newcomer.add(1)
    rooms[0].took(2)
    assert not newcomer.add(1)  # it is not given back yet
    rooms[0].settle()
    assert newcomer.add(2)
    assert not newcomer.add(1)


def test_what_was_taken_is_given_back_once() -> None:
    total = Backlog()
    room = RoomBacklog(total)
    room.add(10)
    for taken in (3, 3, 0, 4):
        room.took(taken)
        room.settle()
        assert total.size == room.size
    assert total.size == 0
