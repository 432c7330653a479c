"""Walks through the API by the client that openapi-python-client has made, and prints what it got, as JSON.

The system's URL, the operator's token and an offer come as one JSON value in the variable WALK.
"""

import json
import os

from roomcast_client import AuthenticatedClient, Client
from roomcast_client.api.admin import close_room, list_blocks, list_sessions
from roomcast_client.api.queries import bootstrap, list_rooms, show_room
from roomcast_client.api.streaming import end_publish
from roomcast_client.models import (
    Bootstrap,
    CloseRoomBody,
    CloseRoomResponse200,
    EndPublishResponse200,
    Error,
    ListBlocksResponse200,
    ListSessionsResponse200,
    Room,
    RoomDetail,
)

ROOM = "typed"
given = json.loads(os.environ["WALK"])
anybody = Client(base_url=given["url"])
operator = AuthenticatedClient(base_url=given["url"], token=given["token"])


def told(answer: object) -> str:
    """The message of an answer that is an error."""
    assert isinstance(answer, Error), answer
    return answer.error


# where a token may be needed, the generator asks for a client that has one
start = bootstrap.sync(client=operator)
assert isinstance(start, Bootstrap)
ice_urls: list[str] = [url for server in start.ice_servers for url in server.urls]

# the generator leaves offers out; they go by the client's own httpx
answer = anybody.get_httpx_client().post(
    f"/api/whip/publish/{ROOM}", content=given["offer"], headers={"Content-Type": "application/sdp"}
)
session = answer.headers["Location"].rpartition("/")[2]

rooms = list_rooms.sync(client=anybody)
assert isinstance(rooms, list)
names: list[str] = [room.name for room in rooms if isinstance(room, Room)]
detailed = list_rooms.sync(client=anybody, detail="true", name=ROOM)
assert isinstance(detailed, list)
(detail,) = detailed
assert isinstance(detail, RoomDetail)
workers: list[str] = detail.workers

sessions = list_sessions.sync(client=operator, room=ROOM)
assert isinstance(sessions, ListSessionsResponse200)
missing = show_room.sync_detailed("nobody", client=anybody)
stranger = AuthenticatedClient(base_url=given["url"], token="wrong")
refused = close_room.sync_detailed(ROOM, client=stranger)
closed = close_room.sync(ROOM, client=operator, body=CloseRoomBody(block=60, reason="a test"))
assert isinstance(closed, CloseRoomResponse200)
ended = end_publish.sync(ROOM, session, client=operator)
assert isinstance(ended, EndPublishResponse200)
blocks = list_blocks.sync(client=operator)
assert isinstance(blocks, ListBlocksResponse200)

print(
    json.dumps(
        {
            "iceServers": ice_urls,
            "published": answer.status_code,
            "names": names,
            "workers": len(workers),
            "sessions": [(one.room, one.role.value) for one in sessions.sessions],
            "missing": [missing.status_code, told(missing.parsed)],
            "refused": [refused.status_code, told(refused.parsed)],
            "closed": [closed.name, closed.sessions],
            "ended": ended.reason,
            "blocks": [(one.room, one.reason) for one in blocks.blocks],
        }
    )
)
