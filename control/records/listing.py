"""The list of recordings as JSON, made in slices: other requests are answered between two of them."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from control.records.catalogue import Details, Listed
from shared.messages.records import Record
from shared.names import RoomName
from shared.records.record_name import parse_record_name

SLICE = 200  # recordings: some 3 ms


class RecordListing:
    """The list for one caller. `prefix` is the path before `/records`; `with_stills`: pictures are linked.

    `query_of` gives the query of a signed link by the file's name; None: links need no signature.
    """

    def __init__(
        self,
        may_read: Callable[[RoomName], bool],
        prefix: str,
        query_of: Callable[[str], str] | None,
        *,
        with_stills: bool = True,
    ) -> None:
        self._may_read = may_read
        self._prefix = prefix
        self._query_of = query_of
        self._with_stills = with_stills
        self._readable: dict[RoomName, bool] = {}

    async def json(self, listed: Listed) -> str:
        """The JSON array of the recordings that the caller may read, in their order."""
        entries: list[str] = []
        for start in range(0, len(listed.records), SLICE):
            entries.extend(self._entries(listed.records[start : start + SLICE], listed.details))
            await asyncio.sleep(0)
        return f"[{','.join(entries)}]"

    def _entries(self, records: Sequence[Record], details: Details) -> Iterator[str]:
        for record in records:
            name = parse_record_name(record.name)
            if name is not None and self._is_readable(name.room):
                yield json.dumps(self._entry(record, details), separators=(",", ":"))

    def _is_readable(self, room: RoomName) -> bool:
        known = self._readable.get(room)
        if known is None:
            known = self._readable[room] = self._may_read(room)
        return known

    def _entry(self, record: Record, details: Details) -> dict[str, object]:
        query = f"?{self._query_of(record.name)}" if self._query_of else ""
        modified = datetime.fromtimestamp(int(record.modified), UTC)
        url = f"{self._prefix}/records/{record.name}"
        entry: dict[str, object] = {
            "name": record.name,
            "size": record.size,
            "modTime": modified.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "url": url + query,
        }
        known = details.get((record.name, record.size))
        if known is not None and known.seconds is not None:
            entry["duration"] = round(known.seconds, 3)
        if known is not None and known.width:
            entry |= {"width": known.width, "height": known.height}
        if known is not None and known.has_stills and self._with_stills:
            entry["still"] = f"{url}/still{query}"
        return entry
