"""Rows of the webhooks that were given up."""

from typing import Any

from tests.integration.control.row import BAD_METHOD, HOOK, NOT_FOUND, UNAUTHORIZED, Row
from tests.support.webhook_receiver import SECRET

_LIST = "GET /api/admin/webhooks/dead"
_REPLAY_ALL = "POST /api/admin/webhooks/dead/replay"
_REPLAY = "POST /api/admin/webhooks/dead/{}/replay"
_HAS_RECEIVER = {"admin_token": "secret-of-admin", "webhook_urls": HOOK, "webhook_secrets": SECRET}
_HEADERS = {"headers": {"Authorization": "Bearer secret-of-admin"}}
_ADMIN: dict[str, Any] = {"settings": _HAS_RECEIVER, **_HEADERS}
_BY_NOBODY: dict[str, Any] = {
    "settings": {"admin_token": "secret-of-admin"},
    **_HEADERS,
    "dead_letter": "1-1",
}
_ANONYMOUS = {"settings": {"admin_token": "secret-of-admin"}}

WEBHOOK_ROWS = [
    Row("dead webhooks: an admin sees them", _LIST, 200, dead_letter="1-1", **_ADMIN),
    Row("dead webhooks: a page of them", f"{_LIST}?limit=1&after=1-1", 200, dead_letter="1-2", **_ADMIN),
    Row("dead webhooks: none without receivers", _LIST, 200, **_HEADERS, **_ANONYMOUS),
    Row("dead webhooks: others are 401", _LIST, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("dead webhooks: with no admin configured it is 401", _LIST, 401, UNAUTHORIZED),
    Row("dead webhooks: a page without an end is 400", f"{_LIST}?limit=all", 400, "invalid page", **_ADMIN),
    Row("dead webhooks: a page of none is 400", f"{_LIST}?limit=0", 400, "invalid page", **_ADMIN),
    Row("dead webhooks: a bad id is 400", f"{_LIST}?after=x", 400, "invalid page", **_ADMIN),
    Row("dead webhooks: DELETE is 405", "DELETE /api/admin/webhooks/dead", 405, BAD_METHOD),
    Row("replay: all of them", _REPLAY_ALL, 200, dead_letter="1-1", **_ADMIN),
    Row("replay: others are 401", _REPLAY_ALL, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("replay: one of them", _REPLAY.format("1-1"), 200, dead_letter="1-1", **_ADMIN),
    Row("replay: one by others is 401", _REPLAY.format("1-1"), 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("replay: one that is not is 404", _REPLAY.format("1-1"), 404, NOT_FOUND, **_ADMIN),
    Row("replay: a bad id is 404", _REPLAY.format("x"), 404, NOT_FOUND, **_ADMIN),
    Row("replay: without its receiver it is 404", _REPLAY.format("1-1"), 404, NOT_FOUND, **_BY_NOBODY),
]
