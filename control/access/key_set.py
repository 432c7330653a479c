"""The public keys at `JWT_JWKS_URL` (RFC 7517 5), fetched beside the requests and kept.

They are fetched again from time to time, and when a token names a key that is not among them. While their
server is away the last ones stay in use.
"""

import asyncio
from contextlib import suppress
from time import monotonic

import httpx

from control.access.jwt_claims import JwtHeader, header_of
from control.access.jwt_keys import PUBLIC_KEY_ALGORITHMS, JwtKey, KeysError, keys_of_set
from shared.http.no_cookies import NO_COOKIES
from shared.telemetry.failure import address_in, in_words
from shared.telemetry.logging import get_logger

REFRESH_SECONDS = 300.0  # from one fetch to the next: then a withdrawn key is refused
PAUSE_SECONDS = 10.0  # the least time between two fetches, whatever keys tokens name
FETCH_SECONDS = 5.0  # the time that a server has for a whole fetch
WAIT_SECONDS = 1.5  # the time that a request waits for a fetch
MAX_BYTES = 65_536

log = get_logger()


class KeySet:
    """`run` must be running. `keys` are those of the last fetch that succeeded."""

    def __init__(self, url: str) -> None:
        self.keys: tuple[JwtKey, ...] = ()
        self._url = url
        # proxies and certificates of the environment are for the world outside, not for this host
        self._http = httpx.AsyncClient(
            timeout=FETCH_SECONDS, trust_env=url.startswith("https:"), cookies=NO_COOKIES
        )
        self._away = False
        self._fetched_at = monotonic()
        self._is_current = False  # the last fetch succeeded, and none is under way
        self._pausing = False
        self._asked = asyncio.Event()
        self._fetched = asyncio.Event()  # a new one for each fetch

    def age(self) -> float:
        """Seconds since the keys were fetched, or since the start when they never were."""
        return monotonic() - self._fetched_at

    def may_lack(self, token: bytes) -> bool:
        """Whether the key of `token` may be in a set that could not be fetched."""
        return not self._is_current and self._lacks(header_of(token))

    async def prepare(self, token: bytes) -> None:
        """Have the set fetched for a token that names a key which is not there, and wait a moment for it."""
        if self._pausing or not self._lacks(header_of(token)):
            return
        self._asked.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                await self._fetched.wait()

    async def run(self) -> None:
        try:
            while True:
                await self._fetch()
                await asyncio.sleep(PAUSE_SECONDS)
                self._pausing = False
                if self._is_current:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(REFRESH_SECONDS - PAUSE_SECONDS):
                            await self._asked.wait()
        finally:
            await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    def _lacks(self, header: JwtHeader | None) -> bool:
        if header is None or header.algorithm not in PUBLIC_KEY_ALGORITHMS:
            return False
        if header.key is None:
            return not any(header.algorithm in key.algorithms for key in self.keys)
        return not any(key.fits(header.algorithm, header.key) for key in self.keys)

    async def _fetch(self) -> None:
        self._asked.clear()
        self._is_current = False
        try:
            keys = await self.fetch()
        except KeysError as error:
            self._failed(str(error))
        else:
            self._succeeded(keys)
        self._pausing = True
        self._fetched.set()
        self._fetched = asyncio.Event()

    async def fetch(self) -> tuple[JwtKey, ...]:
        """The keys that are at the URL now. Raises `KeysError`, with the reason."""
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return keys_of_set(await self._body())
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise KeysError(in_words(error, address_in(self._url))) from None

    async def _body(self) -> bytes:
        """The body at the URL. Redirects are not followed: only who answers at this URL is trusted."""
        # not compressed: a small body could become a large one
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        async with self._http.stream("GET", self._url, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                raise KeysError(f"is not there: status {response.status_code}")
            body = b""
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise KeysError(f"has more than {MAX_BYTES} bytes")
        return body

    def _failed(self, reason: str) -> None:
        if not self._away:
            log.error("the key set of JWT_JWKS_URL cannot be fetched", error=reason, keys=len(self.keys))
        self._away = True

    def _succeeded(self, keys: tuple[JwtKey, ...]) -> None:
        if self._away or {key.name for key in keys} != {key.name for key in self.keys}:
            log.info("key set of JWT_JWKS_URL fetched", keys=len(keys))
        self._away, self._is_current = False, True
        self.keys, self._fetched_at = keys, monotonic()
