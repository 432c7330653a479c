"""What one caller reads of the list of recordings, and that a long list holds nobody up."""

import asyncio
import json

from control.records.catalogue import Listed
from control.records.listing import SLICE, listing_json
from shared.messages.records import Record, RecordDetails
from shared.names import RoomName

NOW = 1_700_000_000.0


def recordings(number: int) -> list[Record]:
    return [Record(f"room{n % 2}_{n}.webm", n, NOW + n) for n in range(number)]


def listed(records: list[Record], *details: RecordDetails) -> Listed:
    return Listed(records, {(each.name, each.size): each for each in details})


async def test_only_what_may_be_read_is_listed_in_its_order() -> None:
    asked: list[RoomName] = []

    def may_read(room: RoomName) -> bool:
        asked.append(room)
        return room == "room1"

    records = listed([*recordings(5), Record("notes.txt", 1, NOW)])
    entries = json.loads(await listing_json(records, may_read, "/live", lambda name: f"signed={name}"))
    assert [entry["name"] for entry in entries] == ["room1_1.webm", "room1_3.webm"]
    assert entries[0]["modTime"] == "2023-11-14T22:13:21Z"
    assert entries[0]["url"] == "/live/records/room1_1.webm?signed=room1_1.webm"
    assert asked == ["room0", "room1"]  # once for each room, not for each recording


async def test_what_is_known_of_a_recording_is_added() -> None:
    details = (
        RecordDetails("room0_0.webm", 0, 61.2504, 1280, 720, True),
        RecordDetails("room1_1.webm", 1, 5.0, 0, 0, False),
        RecordDetails("room0_2.webm", 2, None, 640, 360, False),
        RecordDetails("room1_3.webm", 77, 5.0, 640, 360, True),  # it has grown since
    )
    may_read = {"may_read": lambda _: True, "prefix": "/live", "query_of": lambda name: f"signed={name}"}
    seen = json.loads(await listing_json(listed(recordings(5), *details), **may_read))
    more = [{key: entry[key] for key in entry.keys() - {"name", "size", "modTime", "url"}} for entry in seen]
    still = "/live/records/room0_0.webm/still?signed=room0_0.webm"
    assert more == [
        {"duration": 61.25, "width": 1280, "height": 720, "still": still},
        {"duration": 5.0},
        {"width": 640, "height": 360},
        {},
        {},
    ]
    without = await listing_json(listed(recordings(1), *details), **may_read, with_stills=False)
    first = json.loads(without)[0]
    assert (first["duration"], "still" in first) == (61.25, False)


async def test_nothing_is_an_empty_list() -> None:
    assert await listing_json(listed([]), lambda _: True, "", None) == "[]"


async def test_others_get_their_turn_while_a_long_list_is_made() -> None:
    listing = asyncio.create_task(listing_json(listed(recordings(5000)), lambda _: True, "", None))
    turns = 0
    while not listing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 5000 / SLICE
    assert len(json.loads(listing.result())) == 5000
