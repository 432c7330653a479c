"""A control process that has never read the settings of rooms, blocks and revocations refuses what depends on
them with 503; one that has read them keeps them while Redis is away."""

from pathlib import Path

import httpx
import pytest

from tests.integration.control import row
from tests.integration.control.conftest import Stage
from tests.integration.control.row import RECORD, WHEP
from tests.support.offers import PLAY_OFFER
from tests.support.own_valkey import OwnValkey
from tests.support.tokens import SECRET, signed
from tests.support.waiting import eventually

ADMIN = row.ADMIN["headers"]
TOKEN = "the-secret-of-the-room-demo"
NOBODY: dict[str, str] = {}
WRONG = {"Authorization": "Bearer wrong"}
SETTLED_SECONDS = 10

DEPENDS = (
    (NOBODY, f"/records/{RECORD}"),
    (WRONG, f"/records/{RECORD}"),
    (NOBODY, f"/records/{RECORD}/still"),
    (NOBODY, "/api/records"),
    (NOBODY, "/api/bootstrap"),
    (NOBODY, "/api/rooms"),
    (NOBODY, "/api/rooms/demo"),
    (NOBODY, "/api/rooms/events"),
    (NOBODY, "/api/rooms/demo/still"),
    (ADMIN, "/api/admin/rooms"),
    (ADMIN, "/api/admin/rooms/demo"),
    (ADMIN, "/api/admin/rooms/demo/recording"),
    (ADMIN, "/api/admin/blocks"),
    (ADMIN, "/api/admin/revocations"),
    (ADMIN, "/api/admin/events"),
)


async def start(stage: Stage, valkey: OwnValkey, records: Path, **settings: str) -> httpx.AsyncClient:
    return await stage.control(
        redis_url=valkey.url, record_dir=str(records), snapshots=True, **row.ADMIN["settings"], **settings
    )


@pytest.fixture
def records(tmp_path: Path) -> Path:
    (tmp_path / RECORD).write_bytes(b"0123456789")
    return tmp_path


async def test_it_is_refused_until_it_was_read(stage: Stage, own_valkey: OwnValkey, records: Path) -> None:
    warm = await start(stage, own_valkey, records)
    tokens = {"playTokens": [TOKEN]}
    put = await warm.put("/api/admin/rooms/demo", json=tokens, headers=ADMIN)
    assert put.status_code == 200, put.text
    own_valkey.stop()

    cold = await start(stage, own_valkey, records)
    for headers, path in DEPENDS:
        response = await cold.get(path, headers=headers)
        assert response.status_code == 503, (path, response.text)
        assert int(response.headers["Retry-After"]) >= 1
    assert (await cold.get(f"/records/{RECORD}", headers=ADMIN)).content == b"0123456789"
    for http, expected in ((warm, 401), (cold, 503)):
        assert (await http.get(f"/records/{RECORD}")).status_code == expected
    assert (await warm.get("/api/bootstrap")).json()["authEnabled"] is True

    own_valkey.start()  # empty: `warm` writes back what it has read

    async def locked() -> bool:
        ready = (await cold.get("/readyz")).status_code == 200
        status = (await cold.get(f"/records/{RECORD}")).status_code
        assert status == 401 or (status == 503 and not ready)
        return status == 401

    await eventually("it has read them", locked, within=SETTLED_SECONDS)
    assert (await cold.get("/api/bootstrap")).json()["authEnabled"] is True
    opened = await cold.get(f"/records/{RECORD}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert opened.content == b"0123456789"


async def test_revocations_that_were_never_read_keep_jwts_out(
    stage: Stage, own_valkey: OwnValkey, records: Path
) -> None:
    own_valkey.stop()
    http = await start(stage, own_valkey, records, jwt_secret=SECRET)
    headers = {"Authorization": f"Bearer {signed(room='demo')}"}
    assert (await http.get(f"/records/{RECORD}", headers=headers)).status_code == 503
    assert (await http.get("/api/bootstrap")).json()["authEnabled"] is True  # JWTs are taken, whatever is set


async def test_what_the_environment_protects_needs_no_redis(
    stage: Stage, own_valkey: OwnValkey, records: Path
) -> None:
    own_valkey.stop()
    http = await start(stage, own_valkey, records, auth_token="secret-of-all")
    assert (await http.get("/api/bootstrap")).json()["authEnabled"] is True
    offer = await http.post(f"{WHEP}/demo", content=PLAY_OFFER, headers=row.SDP)
    assert offer.status_code == 503
