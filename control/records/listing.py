"""The list of recordings as JSON, made in slices: other requests are answered between two of them."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from control.records.catalogue import Listed
from shared.messages.records import Record, RecordDetails
from shared.names import RoomName
from shared.records.record_name import parse_record_name

SLICE = 200  # recordings: some 3 ms


async def listing_json(
    listed: Listed,
    may_read: Callable[[RoomName], bool],
    prefix: str,
    query_of: Callable[[str], str] | None,
    *,
    with_stills: bool = True,
) -> str:
    """The JSON array of the recordings that one caller may read, in their order.

    `prefix` is the path before `/records`; `with_stills`: pictures are linked. `query_of` gives the query of
    a signed link by the file's name; None: links need no signature.
    """
    is_readable = cache(may_read)  # asked once for each room
    entries: list[str] = []
    for number, record in enumerate(listed.records, 1):
        name = parse_record_name(record.name)
        if name is not None and is_readable(name.room):
            query = f"?{query_of(record.name)}" if query_of else ""
            known = listed.details.get((record.name, record.size))
            entry = _entry(record, known, f"{prefix}/records/{record.name}", query, with_stills)
            entries.append(json.dumps(entry, separators=(",", ":")))
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return f"[{','.join(entries)}]"


def _entry(
    record: Record, known: RecordDetails | None, url: str, query: str, with_stills: bool
) -> dict[str, object]:
    modified = datetime.fromtimestamp(int(record.modified), UTC)
    entry: dict[str, object] = {
        "name": record.name,
        "size": record.size,
        "modTime": modified.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "url": url + query,
    }
    if known is None:
        return entry
    if known.seconds is not None:
        entry["duration"] = round(known.seconds, 3)
    if known.width:
        entry |= {"width": known.width, "height": known.height}
    if known.has_stills and with_stills:
        entry["still"] = f"{url}/still{query}"
    return entry
