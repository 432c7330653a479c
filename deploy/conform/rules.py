"""The rules of RFC 9725 and draft-ietf-wish-whep-04 for servers that a client can see from outside.

`docs/standards.md` has all rules, also those that cannot be seen so, with what we do and the tests.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    MUST = "MUST"
    SHOULD = "SHOULD"


@dataclass(frozen=True, slots=True)
class Rule:
    """`clause`: of RFC 9725 for `whip-…`, of the draft for `whep-…`."""

    id: str
    clause: str
    level: Level
    says: str


def _both(name: str, whip: str, whep: str, level: Level, says: str) -> tuple[Rule, Rule]:
    return Rule(f"whip-{name}", whip, level, says), Rule(f"whep-{name}", whep, level, says)


_MUST, _SHOULD = Level.MUST, Level.SHOULD

RULES: tuple[Rule, ...] = (
    *_both("get", "4.1", "4.1", _MUST, "GET of the endpoint is 2xx without content"),
    Rule("whep-head", "4.2", _SHOULD, "HEAD of the endpoint is 200 with Content-Type: application/sdp"),
    *_both("options", "4.2", "4.4", _MUST, "OPTIONS of the endpoint is answered for CORS"),
    *_both("accept-post", "4.2", "4.4", _SHOULD, "OPTIONS has Accept-Post: application/sdp"),
    *_both("type", "4.2", "4.3", _MUST, "an offer of another content type is 4xx"),
    *_both("malformed", "4.2", "4.3", _MUST, "an offer that is no SDP is 4xx"),
    *_both("bearer", "4.7.1", "4.9.1", _MUST, "bearer tokens are taken, and a request without one is 401"),
    Rule("whep-not-live", "4.3.9", _MUST, "where nobody publishes it is 409 with Retry-After"),
    *_both("answer", "4.2", "4.3.1", _MUST, "an offer is 201 with an SDP answer and Location"),
    Rule("whip-direction", "4.2", _MUST, "each section of the answer is recvonly"),
    Rule("whep-direction", "4.3", _MUST, "each section of the answer is sendonly"),
    *_both(
        "bundle", "4.4.1", "4.6.1", _MUST, "the answer has one BUNDLE group, and rtcp-mux in each section"
    ),
    Rule("whep-stream", "4.6.2", _MUST, "all sections have an msid of the same media stream"),
    *_both("etag", "4.3.1", "4.5.1", _MUST, "the entity tag of 201 is a strong one"),
    *_both("media", "4.2", "4.3", _MUST, "ICE and DTLS connect, and media flows"),
    *_both("candidates", "4.3.2", "4.5.2", _MUST, "the answer has all candidates of the server"),
    *_both("session-get", "4.1", "4.1", _MUST, "GET of the session is 2xx without content"),
    *_both("trickle", "4.3.2", "4.5.2", _MUST, "candidates are 204 without body and ETag"),
    *_both("stale", "4.3.1", "4.5.1", _MUST, "another entity tag in If-Match is 412"),
    *_both("missing", "4.3.1", "4.5.1", _MUST, "an ICE restart without If-Match is 428"),
    *_both("restart", "4.3.3", "4.5.3", _MUST, "an ICE restart is 200 with new credentials and a new ETag"),
    *_both("patch-type", "4.3.1", "4.5.1", _MUST, "PATCH of another content type is 4xx"),
    *_both("patch-malformed", "4.3.1", "4.5.1", _MUST, "PATCH of what is no fragment is 4xx"),
    *_both("random", "5", "5", _SHOULD, "URLs of sessions cannot be guessed: 96 bits or more differ"),
    *_both("delete", "4.2", "4.4", _MUST, "DELETE is 2xx whatever its If-Match, and ends the connection"),
    Rule("whep-counter-offer", "4.3.2", _MUST, "what cannot be answered is 4xx; 406 with SDP is an offer"),
    Rule("whep-valid-until", "4.3.2", _MUST, "valid-until of such an offer is an HTTP-date"),
    Rule("whep-counter-answer", "4.3.2", _MUST, "PATCH of its answer is 204, and media flows"),
    Rule("whep-counter-malformed", "4.3.2", _MUST, "PATCH of what is no answer to it is 4xx"),
)
