"""One attempt to deliver a webhook: a POST to a checked address, without redirects, and bounded in all."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

import httpx

from control.webhooks.address_policy import AddressPolicy, ForbiddenAddressError
from control.webhooks.lookup import Lookup
from control.webhooks.receiver import Receiver
from shared.http.no_cookies import NO_COOKIES
from shared.http.rest_of_answer import read_rest
from shared.telemetry.failure import address_in, in_words

ATTEMPT_SECONDS = 10.0  # for resolving, connecting, sending, and the answer
BODY_SECONDS = 1.0  # for the rest of an answer whose status is known
MAX_RETRY_AFTER = 3_600.0


class Outcome(Enum):
    DELIVERED = auto()
    FAILED = auto()
    GONE = auto()  # 410: the receiver wants no more of this webhook


@dataclass(frozen=True, slots=True)
class Attempt:
    outcome: Outcome
    why: str = ""  # for the log, metrics and dead letters: a word or two
    retry_after: float = 0.0  # seconds that the receiver asked for


class Poster:
    """Delivers to one receiver. `close` ends its connections."""

    def __init__(self, receiver: Receiver, policy: AddressPolicy) -> None:
        self._url = httpx.URL(receiver.url)
        self._netloc = urlsplit(receiver.url).netloc
        self._lookup = Lookup(receiver, policy)
        # no proxies and no .netrc: a proxy would connect to whatever a name means to it
        self._http = httpx.AsyncClient(
            trust_env=False,
            verify=ssl.create_default_context(),
            follow_redirects=False,
            cookies=NO_COOKIES,
        )

    async def close(self) -> None:
        await self._lookup.close()
        await self._http.aclose()

    async def refusal(self) -> str:
        """Return why the receiver's address is forbidden; empty: it is allowed, or not known."""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await self._lookup.addresses()
        except ForbiddenAddressError as error:
            return str(error)
        except (OSError, ValueError):  # the name server may be away at the start
            pass
        return ""

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """Send one attempt. Never raises for what a receiver, or the way to it, may do."""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await self._post(body, headers)
        except TimeoutError:
            return Attempt(Outcome.FAILED, "no answer in time")
        except ForbiddenAddressError as error:
            return Attempt(Outcome.FAILED, f"forbidden address: {error}")
        except socket.gaierror:
            return Attempt(Outcome.FAILED, "its name does not resolve")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Attempt(Outcome.FAILED, in_words(error, address_in(str(self._url))))

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Attempt:
        addresses = await self._lookup.addresses()
        each = ATTEMPT_SECONDS / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._post_to(address, body, headers, each)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._post_to(addresses[-1], body, headers, each)

    async def _post_to(
        self, address: str, body: bytes, headers: Mapping[str, str], connect_seconds: float
    ) -> Attempt:
        """Send to this address, whatever the name means by now. The certificate must be the name's."""
        request = self._http.build_request(
            "POST",
            self._url.copy_with(host=address),
            content=body,
            timeout=httpx.Timeout(ATTEMPT_SECONDS, connect=connect_seconds),
            headers={**headers, "host": self._netloc, "user-agent": "Roomcast"},
            extensions={"sni_hostname": self._url.host},
        )
        response = await self._http.send(request, stream=True)
        try:
            await read_rest(response, BODY_SECONDS)
        finally:
            await response.aclose()
        return _attempt(response)


def _attempt(response: httpx.Response) -> Attempt:
    if response.is_success:
        return Attempt(Outcome.DELIVERED)
    why = f"status {response.status_code}"
    if response.status_code == httpx.codes.GONE:
        return Attempt(Outcome.GONE, why)
    asked = response.headers.get("retry-after", "")
    seconds = min(float(asked), MAX_RETRY_AFTER) if asked.isascii() and asked.isdecimal() else 0.0
    return Attempt(Outcome.FAILED, why, seconds)
