"""`AUTH_URL`: another service decides who may publish and play. What it is asked is MediaMTX's, name by name.

An answer holds for a while, for the same question. Nobody waits longer than the deadline, and no more than
`MAX_ASKING` at once, `MAX_OF_CLIENT` of one client: who comes beyond that gets 503 at once. While the service
is away clients get 503, too: that is neither yes nor no.
"""

import asyncio
import hashlib
import hmac
import json
from collections import Counter, OrderedDict
from dataclasses import asdict, dataclass
from time import monotonic

import httpx

from shared.errors import ErrorCode, ServiceError
from shared.http.connections import client_of
from shared.http.no_cookies import NO_COOKIES
from shared.http.rest_of_answer import read_rest
from shared.messages.signalling import Role
from shared.names import RequestId
from shared.telemetry.failure import address_in, in_words
from shared.telemetry.logging import get_logger

MAX_ASKING = 512  # requests that wait for an answer
MAX_OF_CLIENT = 32  # of these from one address or /64: a flood of one client leaves others their turns
AT_ONCE = 64  # questions to the service that are on their way
BODY_SECONDS = 0.1  # for the rest of an answer whose status is known: others wait for the turn
MAX_ANSWERS = 10_000  # answers that are remembered
MAX_TEXT = 2048  # characters of a query or a user agent that are passed on
_ACTIONS = {Role.PUBLISH: "publish", Role.PLAY: "read"}

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the service at `AUTH_URL` is asked: who wants to do what in which room."""

    action: Role
    room: str
    token: bytes | None
    address: str
    query: str
    user_agent: str

    def body(self, request_id: RequestId) -> dict[str, str]:
        return {
            "user": "",
            "password": "",
            "token": (self.token or b"").decode(errors="replace"),
            "ip": self.address,
            "action": _ACTIONS[self.action],
            "path": self.room,
            "protocol": "webrtc",
            "id": request_id,
            "query": self.query[:MAX_TEXT],
            "userAgent": self.user_agent[:MAX_TEXT],
        }

    def digest(self) -> bytes:
        """The key under which an answer is remembered: no token stays in memory."""
        fields = asdict(self) | {"token": (self.token or b"").hex()}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).digest()


class _OddAnswerError(Exception):
    """A status that is neither yes nor no."""


class AuthCallback:
    """Asks `url`. `seconds`: how long it may take to answer; `cache_seconds`: how long an answer holds."""

    def __init__(self, url: str, seconds: float, cache_seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._cache_seconds = cache_seconds
        # proxies and certificates of the environment are for the world outside, not for this host
        self._http = httpx.AsyncClient(
            timeout=seconds,
            trust_env=url.startswith("https:"),
            follow_redirects=False,  # whose URL this is decides, and nobody else
            cookies=NO_COOKIES,
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
        )
        self._answers: OrderedDict[bytes, tuple[float, bool]] = OrderedDict()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._asking: Counter[str] = Counter()  # by client
        self._away = False

    async def check(self, question: Question, request_id: RequestId) -> None:
        """Raises `UNAUTHORIZED` if the answer is no, and `CALLBACK_AWAY` if there is none in time."""
        digest, now = question.digest(), monotonic()
        until, allowed = self._answers.get(digest, (now, False))
        if until <= now:
            allowed = await self._asked(question, request_id)
            self._remember(digest, allowed=allowed)
        if not allowed:
            raise ServiceError(ErrorCode.UNAUTHORIZED)

    def identity(self, question: Question) -> str:
        """The client's identity, which is the same on every replica for the same token, or query.

        It reveals nothing to anybody who does not know the URL.
        """
        said = question.token or question.query.encode(errors="replace")
        return hmac.new(self._url.encode(), said, hashlib.sha256).hexdigest()

    async def close(self) -> None:
        await self._http.aclose()

    async def _asked(self, question: Question, request_id: RequestId) -> bool:
        client = client_of(question.address)
        if self._asking[client] >= MAX_OF_CLIENT or self._asking.total() >= MAX_ASKING:
            raise ServiceError(ErrorCode.CALLBACK_AWAY)
        self._asking[client] += 1
        try:
            async with asyncio.timeout(self._seconds) as limit, self._turns:
                allowed = await self._ask(question.body(request_id), limit)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, _OddAnswerError) as error:
            self._failed(in_words(error, address_in(self._url)))
            raise ServiceError(ErrorCode.CALLBACK_AWAY) from None
        finally:
            self._asking[client] -= 1
            if not self._asking[client]:
                del self._asking[client]
        if self._away:
            log.info("AUTH_URL answers again")
        self._away = False
        return allowed

    async def _ask(self, body: dict[str, str], limit: asyncio.Timeout) -> bool:
        """Ask the service within `limit`. Only the status of its answer counts: 2xx is yes, 4xx is no."""
        async with self._http.stream("POST", self._url, json=body) as response:
            status = response.status_code
            limit.reschedule(None)  # it has answered, whether or not its body ends
            await read_rest(response, BODY_SECONDS)
        if 200 <= status < 300:
            return True
        if 400 <= status < 500 and status not in (408, 429):
            return False
        raise _OddAnswerError(f"status {status}")

    def _remember(self, digest: bytes, *, allowed: bool) -> None:
        if not self._cache_seconds:
            return
        self._answers[digest] = monotonic() + self._cache_seconds, allowed
        self._answers.move_to_end(digest)
        if len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)

    def _failed(self, reason: str) -> None:
        if not self._away:
            log.error("AUTH_URL does not answer: who is not known gets 503", error=reason)
        self._away = True
