"""`python -m tests.support.offer_flood BASE NUMBER` offers to publish in so many rooms at once.

In a process of its own, so that it does not disturb what its parent measures. Prints the statuses as JSON.
"""

import asyncio
import json
import sys
from collections import Counter

import httpx

from tests.support.offers import PUBLISH_OFFER, post_offer


async def flood(base: str, number: int) -> Counter[int]:
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(timeout=30, limits=limits) as http:
        answers = await asyncio.gather(
            *(post_offer(http, f"{base}/api/whip/publish/flood{n}", PUBLISH_OFFER) for n in range(number))
        )
    return Counter(answer.status_code for answer in answers)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(flood(sys.argv[1], int(sys.argv[2])))))
