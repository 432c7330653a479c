"""What one caller reads of the list of recordings, and that a long list holds nobody up."""

import asyncio
import json

from control.records.listing import SLICE, RecordListing
from shared.messages.records import Record
from shared.names import RoomName

NOW = 1_700_000_000.0


def recordings(number: int) -> list[Record]:
    return [Record(f"room{n % 2}_{n}.webm", n, NOW + n) for n in range(number)]


async def test_only_what_may_be_read_is_listed_in_its_order() -> None:
    asked: list[RoomName] = []

    def may_read(room: RoomName) -> bool:
        asked.append(room)
        return room == "room1"

    listing = RecordListing(may_read, "/live", lambda name: f"signed={name}")
    entries = json.loads(await listing.json([*recordings(5), Record("notes.txt", 1, NOW)]))
    assert [entry["name"] for entry in entries] == ["room1_1.webm", "room1_3.webm"]
    assert entries[0]["modTime"] == "2023-11-14T22:13:21Z"
    assert entries[0]["url"] == "/live/records/room1_1.webm?signed=room1_1.webm"
    assert asked == ["room0", "room1"]  # once for each room, not for each recording


async def test_nothing_is_an_empty_list() -> None:
    assert await RecordListing(lambda _: True, "", None).json([]) == "[]"


async def test_others_get_their_turn_while_a_long_list_is_made() -> None:
    listing = asyncio.create_task(RecordListing(lambda _: True, "", None).json(recordings(5000)))
    turns = 0
    while not listing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 5000 / SLICE
    assert len(json.loads(listing.result())) == 5000
