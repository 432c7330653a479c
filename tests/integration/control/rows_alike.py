"""Rows of all operations alike, of `openapi.yaml`: who is refused, odd names and bodies, other methods."""

from collections.abc import Iterator

from control.http.bodies import FRAGMENT_TYPE
from tests.integration.control.description import description
from tests.integration.control.row import ADMIN, PARAMETERS, TOKENS, WRONG_TOKEN, Row

ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LOCKED = ADMIN["settings"] | TOKENS
TOKEN_OF_ALL = {"Authorization": f"Bearer {TOKENS['auth_token']}"}
OF_PAGES = ("/publish", "/watch", "/embed")
WRONG_PARAMETERS = {
    "limit": ("x", "invalid page"),
    "room": ("a.b", "invalid room name"),
    "width": ("1", "invalid width"),
}
# of a body, by the end of the path, or by its type
MOST_BYTES = {
    **dict.fromkeys(("layer", "events", "messages"), 4_096),
    "viewing": 1_024,
    **dict.fromkeys(("close", "revocations"), 8_192),
    "recording": 16_384,
    "application/sdp": 1_048_576,
    FRAGMENT_TYPE: 65_536,
    "application/json": 16_384,
}


def _rows() -> Iterator[Row]:
    for path, methods in sorted(description().document["paths"].items()):
        url = path.format_map(PARAMETERS)
        yield Row(f"OPTIONS {path}", f"OPTIONS {url}", 200)
        for method in ALL_METHODS:
            if method.lower() in methods:
                yield from _of_operation(path, method)
            else:
                yield Row(f"{method} {path}: there is none", f"{method} {url}", 405)


def _of_operation(path: str, method: str) -> Iterator[Row]:
    operation = description().document["paths"][path][method.lower()]
    responses = {code: description().resolve(one) for code, one in operation["responses"].items()}
    url = path.format_map(PARAMETERS)

    def row(promise: str, status: int, error: str | None = None, url: str = url, **more: object) -> Row:
        return Row(f"{method} {path}: {promise}", f"{method} {url}", status, error, **ADMIN | more)

    if method == "GET" and ("{" not in path or path.startswith(OF_PAGES)):
        for status in {"200", "301"} & responses.keys():
            yield row("it is there", int(status))
        if "304" in responses:
            yield row("its reader has it", 304, headers={"If-None-Match": "*"})
    for parameter in map(description().resolve, operation.get("parameters", [])):
        if parameter["in"] == "query" and parameter["name"] in WRONG_PARAMETERS:
            value, error = WRONG_PARAMETERS[parameter["name"]]
            yield row(f"a wrong {parameter['name']}", 400, error, url=f"{url}?{parameter['name']}={value}")
    if "401" in responses:
        yield row("a wrong token", 401, settings=LOCKED, headers=WRONG_TOKEN)
        if {} not in operation["security"]:
            yield row("a token to publish and play", 401, settings=LOCKED, headers=TOKEN_OF_ALL)
            yield row("where no admin is configured", 401, settings={})
        if {} not in operation["security"] or "{session}" not in path:  # its URL is a credential
            yield row("no token", 401, settings=LOCKED, headers={})
    if "{room}" in path and {"400", "404"} & responses.keys():
        is_told = "invalid room name" in responses.get("400", {}).get("description", "")
        odd = path.format_map(PARAMETERS | {"room": "a.b"})
        yield row("a bad room name", *((400, "invalid room name") if is_told else (404,)), url=odd)
    if "{session}" in path and path.startswith(("/api/whip", "/api/whep")) and "404" in responses:
        odd = path.format_map(PARAMETERS | {"session": "w1.short"})
        yield row("what is no session's id", 404, "session not found", url=odd)
    if "415" in responses:
        kind = next(iter(description().request_body(path, method)["content"]))
        most = MOST_BYTES.get(path.rpartition("/")[2], MOST_BYTES[kind])
        headers = ADMIN["headers"] | {"Content-Type": kind}
        yield row("another type", 415, headers=headers | {"Content-Type": "text/html"}, body=b"{}")
        yield row("no type", 415, body=b"{}")
        yield row("too large a body", 413, headers=headers, body=b" " * (most + 1))


ALIKE_ROWS = list(_rows())
