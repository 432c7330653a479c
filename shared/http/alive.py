"""What `/healthz` of both planes answers: that the process lives, and whose it is."""

from starlette.responses import PlainTextResponse, Response

HEADER = "X-Roomcast"  # which other programs that answer there have not


def alive() -> Response:
    return PlainTextResponse("ok", headers={HEADER: "alive"})
