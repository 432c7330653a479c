"""Plays a publisher and viewers against a server, and notes which rules hold."""

import asyncio
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urljoin

import httpx

from deploy.conform.client import Peer, peer, reach_this_host
from deploy.conform.rules import RULES, Rule

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
TRICKLE = "a=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n"
RESTART = f"a=ice-ufrag:conf\r\na=ice-pwd:{'c' * 24}\r\na=mid:0\r\n"
ANSWER_SECONDS = 10.0  # for one request
NO_ANSWER = (httpx.HTTPError, httpx.InvalidURL, ValueError)  # the last is what `urljoin` raises
LEAST_RANDOM = 16  # characters of 64 kinds: 96 bits
_STRONG = re.compile(r'"[\x21\x23-\x7e]*"')


class Verdict(StrEnum):
    HOLDS = "holds"
    LACKS = "lacks"
    UNTRIED = "untried"  # what it needs is not there


@dataclass(frozen=True, slots=True)
class Held:
    rule: Rule
    verdict: Verdict
    seen: str = ""


@dataclass
class Notes:
    """What has been seen, by the rule's id."""

    held: dict[str, Held] = field(default_factory=dict)

    def add(self, rule_id: str, holds: bool | None, seen: object = "") -> None:
        rule = next(rule for rule in RULES if rule.id == rule_id)
        verdict = Verdict.UNTRIED if holds is None else Verdict.HOLDS if holds else Verdict.LACKS
        self.held[rule_id] = Held(rule, verdict, str(seen))

    def all(self) -> list[Held]:
        """In the order of the rules; what nothing was seen of is untried."""
        return [self.held.get(rule.id, Held(rule, Verdict.UNTRIED)) for rule in RULES]


@dataclass(frozen=True)
class Server:
    """The endpoints, and how to ask them."""

    http: httpx.AsyncClient
    whip: str
    whep: str
    token: str = ""

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str] = SDP, body: str = "", *, token: bool = True
    ) -> httpx.Response:
        own = {"Authorization": f"Bearer {self.token}"} if self.token and token else {}
        response = await self.http.request(method, url, content=body.encode(), headers={**headers, **own})
        for _ in range(3):  # RFC 9725 4.5: an endpoint may redirect
            if response.status_code not in (307, 308):
                break
            url = urljoin(url, response.headers.get("Location", ""))
            response = await self.http.request(method, url, content=body.encode(), headers={**headers, **own})
        return response


class CutShortError(Exception):
    """The server did not answer a request, or sent us to no URL; `held` is what was seen before."""

    def __init__(self, held: list[Held], error: Exception) -> None:
        super().__init__(f"after some checks: {error or type(error).__name__}")
        self.held = held


async def conform(whip: str, whep: str, token: str = "") -> list[Held]:
    """Run all checks. Raises one of `NO_ANSWER` if nothing is reached at all, or `CutShortError`."""
    reach_this_host(whip)
    notes = Notes()
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as http:
        server = Server(http, whip, whep, token)
        await server.ask("OPTIONS", whip, {})
        try:
            await _all(server, notes)
        except NO_ANSWER as error:
            raise CutShortError(notes.all(), error) from error
    return notes.all()


async def _all(server: Server, notes: Notes) -> None:
    await _endpoint(server, server.whip, "whip", notes)
    await _endpoint(server, server.whep, "whep", notes)
    await _nobody(server, notes)
    async with peer(publishes=True) as publisher:
        published = await _open(server, server.whip, "whip", publisher, notes)
        if published is not None:
            async with peer(publishes=False) as viewer:
                played = await _open(server, server.whep, "whep", viewer, notes)
                if played is not None:
                    flows = await viewer.connects() and await viewer.gets()
                    notes.add("whep-media", flows, _frames(viewer))
                    notes.add("whip-media", flows, "as its viewer sees it")
                    await _session(server, played, "whep", notes)
                    await _end(server, played, "whep", viewer, notes)
            await _counter_offer(server, notes)
            await _session(server, published, "whip", notes)
            await _end(server, published, "whip", publisher, notes)


@dataclass(frozen=True)
class Session:
    url: str
    etag: str


async def _endpoint(server: Server, url: str, name: str, notes: Notes) -> None:
    got = await server.ask("GET", url, {})
    notes.add(f"{name}-get", got.is_success and not got.content, got.status_code)
    if name == "whep":
        head = await server.ask("HEAD", url, {})
        seen = head.headers.get("Content-Type", "")
        notes.add("whep-head", head.status_code == 200 and _is_sdp(head), f"{head.status_code} {seen}")
    preflight = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    options = await server.ask("OPTIONS", url, preflight, token=False)
    allowed = options.headers.get("Access-Control-Allow-Origin", "")
    notes.add(f"{name}-options", options.is_success and bool(allowed), f"{options.status_code} {allowed}")
    post = options.headers.get("Accept-Post", "")
    notes.add(f"{name}-accept-post", "application/sdp" in post, post)
    typed = await server.ask("POST", url, {"Content-Type": "application/json"}, "{}")
    notes.add(f"{name}-type", typed.is_client_error, typed.status_code)
    odd = await server.ask("POST", url, SDP, "this is no SDP")
    notes.add(f"{name}-malformed", odd.is_client_error, odd.status_code)
    if server.token:
        without = await server.ask("POST", url, SDP, "v=0\r\n", token=False)
        notes.add(f"{name}-bearer", without.status_code == 401, without.status_code)


async def _nobody(server: Server, notes: Notes) -> None:
    """A viewer comes before the publisher."""
    async with peer(publishes=False) as viewer:
        refused = await server.ask("POST", server.whep, SDP, await viewer.offer())
        if refused.is_success:  # it waits: the rule is for those that refuse
            notes.add("whep-not-live", True, f"{refused.status_code}: it lets viewers wait")
            if location := refused.headers.get("Location"):
                await server.ask("DELETE", urljoin(server.whep, location), {})
            return
        later = refused.headers.get("Retry-After", "")
        notes.add(
            "whep-not-live", refused.status_code == 409 and later.isdigit(), f"{refused.status_code} {later}"
        )


async def _open(server: Server, url: str, name: str, client: Peer, notes: Notes) -> Session | None:
    answered = await server.ask("POST", url, SDP, await client.offer())
    location = answered.headers.get("Location", "")
    is_answer = answered.status_code == 201 and _is_sdp(answered) and bool(location)
    notes.add(
        f"{name}-answer", is_answer, f"{answered.status_code} {answered.headers.get('Content-Type', '')}"
    )
    if answered.status_code != 201:
        return None
    sdp = answered.text
    sections = _sections(sdp)
    directions = {_direction(section) for section in sections}
    wanted = "recvonly" if name == "whip" else "sendonly"
    notes.add(f"{name}-direction", directions == {wanted}, ", ".join(sorted(directions)))
    groups = re.findall(r"^a=group:BUNDLE", sdp, re.MULTILINE)
    muxed = all("a=rtcp-mux" in section.splitlines() for section in sections)
    notes.add(
        f"{name}-bundle", len(groups) == 1 and muxed, "rtcp-mux" if muxed else "a section without rtcp-mux"
    )
    if name == "whep":
        streams = [re.search(r"^a=msid:(\S+)", section, re.MULTILINE) for section in sections]
        named = {match[1] for match in streams if match}
        notes.add("whep-stream", all(streams) and len(named) == 1, ", ".join(sorted(named)) or "no msid")
    candidates = re.findall(r"^a=candidate:", sdp, re.MULTILINE)
    notes.add(f"{name}-candidates", bool(candidates), f"{len(candidates)} lines")
    etag = answered.headers.get("ETag", "")
    notes.add(f"{name}-etag", bool(_STRONG.fullmatch(etag)) if etag else None, etag or "no ICE restarts")
    if not location:  # nobody can say anything to that session, and the endpoint is not it
        return None
    where = urljoin(url, location)
    secret = where.rstrip("/").rpartition("/")[2]
    notes.add(f"{name}-random", len(secret) >= LEAST_RANDOM, f"{len(secret)} characters")
    try:
        await client.take(sdp)
    except Exception as error:  # aiortc has no one error for what it cannot take
        notes.add(f"{name}-answer", False, f"no client can take it: {error or type(error).__name__}")
        await server.ask("DELETE", where, {})
        return None
    if name == "whip":
        await client.connects()
    return Session(where, etag)


async def _session(server: Server, session: Session, name: str, notes: Notes) -> None:
    got = await server.ask("GET", session.url, {})
    notes.add(f"{name}-session-get", got.is_success and not got.content, got.status_code)
    mine = {"If-Match": session.etag} if session.etag else {}

    async def patch(headers: Mapping[str, str], body: str) -> httpx.Response:
        return await server.ask("PATCH", session.url, headers, body)

    trickled = await patch({**FRAGMENT, **mine}, TRICKLE)
    if trickled.status_code in (405, 422, 501):
        notes.add(f"{name}-trickle", None, f"{trickled.status_code}: it has none, which it may")
    else:
        clean = not trickled.content and "ETag" not in trickled.headers
        notes.add(f"{name}-trickle", trickled.status_code == 204 and clean, trickled.status_code)
    if trickled.status_code in (405, 501):
        return
    typed = await patch({"Content-Type": "application/json", **mine}, "{}")
    notes.add(f"{name}-patch-type", typed.is_client_error, typed.status_code)
    odd = await patch({**FRAGMENT, **mine}, "no fragment")
    notes.add(f"{name}-patch-malformed", odd.is_client_error, odd.status_code)
    if not session.etag:
        return
    stale = await patch({**FRAGMENT, "If-Match": '"another"'}, TRICKLE)
    notes.add(f"{name}-stale", stale.status_code == 412, stale.status_code)
    missing = await patch(FRAGMENT, RESTART)
    notes.add(f"{name}-missing", missing.status_code == 428, missing.status_code)
    restarted = await patch({**FRAGMENT, "If-Match": "*"}, RESTART)
    renewed = restarted.headers.get("ETag", "")
    has_all = "a=ice-ufrag:" in restarted.text and "a=ice-pwd:" in restarted.text
    notes.add(
        f"{name}-restart",
        restarted.status_code == 422
        or (restarted.status_code == 200 and has_all and renewed not in ("", session.etag)),
        restarted.status_code,
    )


async def _end(server: Server, session: Session, name: str, client: Peer, notes: Notes) -> None:
    deleted = await server.ask("DELETE", session.url, {"If-Match": '"another"'})
    closed = deleted.is_success and await client.is_closed()
    notes.add(f"{name}-delete", closed, f"{deleted.status_code}{'' if closed else ', still connected'}")


async def _counter_offer(server: Server, notes: Notes) -> None:
    """A viewer without the publisher's codecs, which may yet answer an offer of the server."""
    async with peer(publishes=False) as viewer:
        offer = re.sub(r"(a=rtpmap:\d+ )(?!rtx)[A-Za-z0-9]+/", r"\1X-NOBODY/", await viewer.offer())
    accept = {**SDP, "Accept": "application/sdp"}
    refused = await server.ask("POST", server.whep, accept, offer)
    notes.add("whep-counter-offer", refused.is_client_error, refused.status_code)
    location = refused.headers.get("Location")
    if refused.status_code != 406 or not _is_sdp(refused) or not location:
        return
    session = urljoin(server.whep, location)
    notes.add("whep-valid-until", _until_is_a_date(refused), refused.headers["Content-Type"])
    odd = await server.ask("PATCH", session, SDP, "this is no SDP")
    notes.add("whep-counter-malformed", odd.is_client_error, odd.status_code)
    async with peer(publishes=False) as viewer:
        try:
            answer = await viewer.answer(refused.text)
        except Exception as error:  # as in `_open`
            notes.add("whep-counter-answer", False, f"no client can take it: {error or type(error).__name__}")
        else:
            answered = await server.ask("PATCH", session, SDP, answer)
            flows = answered.status_code == 204 and await viewer.connects() and await viewer.gets()
            notes.add("whep-counter-answer", flows, f"{answered.status_code}, {_frames(viewer)}")
        await server.ask("DELETE", session, {})


def _until_is_a_date(response: httpx.Response) -> bool:
    match = re.search(r'valid-until="([^"]*)"', response.headers["Content-Type"])
    if match is None:  # then it is valid for 30 seconds
        return "valid-until" not in str(response.headers["Content-Type"])
    try:
        return bool(parsedate_to_datetime(match[1]).tzinfo)
    except ValueError:
        return False


def _is_sdp(response: httpx.Response) -> bool:
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip() == "application/sdp"


def _sections(sdp: str) -> list[str]:
    """The media sections that are not rejected."""
    return [part for part in sdp.split("\r\nm=")[1:] if part.split(" ")[1:2] != ["0"]]


def _direction(section: str) -> str:
    lines = section.splitlines()
    return next((one for one in ("sendonly", "recvonly", "inactive") if f"a={one}" in lines), "sendrecv")


def _frames(viewer: Peer) -> str:
    return f"{viewer.frames['video']} pictures, {viewer.frames['audio']} pieces of sound"


def as_text(held: list[Held]) -> str:
    """One line for each rule, with what was seen where it does not hold."""
    lines = [
        f"{each.verdict:<8}{each.rule.id:<24}{each.rule.level:<7}{each.rule.clause:<7}{each.rule.says}"
        + (f" ({each.seen})" if each.seen and each.verdict is not Verdict.HOLDS else "")
        for each in held
    ]
    counts = {verdict: sum(each.verdict is verdict for each in held) for verdict in Verdict}
    return "\n".join([*lines, ", ".join(f"{count} {verdict}" for verdict, count in counts.items())])


def run(whip: str, whep: str, token: str) -> bool:
    """Print what holds, and return whether nothing is lacking."""
    try:
        held = asyncio.run(conform(whip, whep, token))
    except (CutShortError, *NO_ANSWER) as error:
        if isinstance(error, CutShortError):
            print(as_text(error.held))
        sys.exit(f"conform: {whip}: {error or type(error).__name__}")
    print(as_text(held))
    return not any(each.verdict is Verdict.LACKS for each in held)
