"""Offers of real clients, which may be sent without one: the session that they open never connects."""

from pathlib import Path

import httpx

_OFFERS = Path(__file__).parent.parent / "fixtures" / "offers"

REAL_OFFERS = {path.stem: path.read_bytes().decode() for path in sorted(_OFFERS.glob("*.sdp"))}
PUBLISH_OFFER = REAL_OFFERS["whip-chromium-156-VP8"].encode()
PLAY_OFFER = REAL_OFFERS["whep-chromium-156"].encode()


async def post_offer(http: httpx.AsyncClient, url: str, offer: bytes, token: str = "") -> httpx.Response:
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return await http.post(url, content=offer, headers=headers)
