"""Offers of real clients, sent without a client behind them: the session that they open never connects."""

from pathlib import Path

import httpx

_OFFERS = Path(__file__).parent.parent / "fixtures" / "offers"

PUBLISH_OFFER = (_OFFERS / "whip-chromium-156-VP8.sdp").read_bytes()
PLAY_OFFER = (_OFFERS / "whep-chromium-156.sdp").read_bytes()


async def post_offer(http: httpx.AsyncClient, url: str, offer: bytes, token: str = "") -> httpx.Response:
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return await http.post(url, content=offer, headers=headers)
