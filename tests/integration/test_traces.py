"""A trace of an offer: over all processes, from the POST to the first picture."""

import sys

import httpx
import pytest

from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.otlp_collector import OtlpCollector, Seen
from tests.support.system import running_system
from tests.support.waiting import eventually

IN_TIME = 20.0
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


async def whole_trace(collector: OtlpCollector, root: str) -> list[Seen]:
    """The trace that begins with `root` and has a first picture, in the order of the spans' ends."""

    def found() -> list[Seen] | None:
        for spans in collector.traces().values():
            names = {span.name for span in spans}
            if {root, "first picture", "call Publish" if "whip" in root else "call Play"} <= names:
                return spans
        return None

    spans: list[Seen] = await eventually(f"a trace of {root}", found, IN_TIME)
    return spans


def tree(spans: list[Seen]) -> dict[str, str]:
    """The parent of each span, by name."""
    names = {span.id: span.name for span in spans}
    return {span.name: names.get(span.parent, "") for span in spans}


async def test_publish_and_play_are_traced_until_the_first_picture(redis_url: str) -> None:
    async with (
        OtlpCollector() as collector,
        running_system(redis_url, TRACES_URL=collector.url) as system,
        httpx.AsyncClient(headers=PARENT) as traced,
        publisher(system.http, system.whip("traced")),
        viewer(traced, system.whep("traced")) as receiver,
    ):
        await receiver.received(within=IN_TIME)
        publishes = await whole_trace(collector, "POST /api/whip/publish")
        plays = await whole_trace(collector, "POST /api/whep/play")
        assert tree(publishes) == {
            "POST /api/whip/publish": "",
            "find the room's worker": "POST /api/whip/publish",
            "draw workers": "POST /api/whip/publish",
            "call Publish": "POST /api/whip/publish",
            "serve Publish": "call Publish",
            "ICE": "serve Publish",
            "DTLS": "serve Publish",
            "first picture": "serve Publish",
        }
        assert tree(plays) == {
            "POST /api/whep/play": "",
            "find the room's worker": "POST /api/whep/play",
            "call Play": "POST /api/whep/play",
            "serve Play": "call Play",
            "ICE": "serve Play",
            "DTLS": "serve Play",
            "first picture": "serve Play",
        }
        for spans in (publishes, plays):
            assert spans[-1].name == "first picture"  # the last to end
            assert min(spans, key=lambda one: one.began).name.startswith("POST")
            by_name = {span.name: span for span in spans}
            assert by_name["ICE"].ended == by_name["DTLS"].began
            assert by_name["DTLS"].ended == by_name["first picture"].began
            services = {span.service for span in spans}
            assert services == {"roomcast-control", "roomcast-worker"}
            root = by_name[next(name for name in by_name if name.startswith("POST"))]
            assert root.attributes["request_id"]
            seconds = {span.name: (span.ended - span.began) / 1e9 for span in spans}
            print({name: f"{1000 * value:.1f} ms" for name, value in seconds.items()}, file=sys.stderr)
        assert plays[0].trace == TRACE  # the client's own
        assert next(span for span in plays if span.name.startswith("POST")).parent == "00f067aa0ba902b7"
        # no session is named, no offer quoted
        session = receiver.session_url.rpartition("/")[2].partition(".")[2]
        assert session
        for secret in (session, "ice-ufrag", "fingerprint", "v=0"):
            assert secret.encode() not in collector.raw


@pytest.mark.soak
async def test_a_refusal_is_in_the_trace_by_its_code(redis_url: str) -> None:
    async with (
        OtlpCollector() as collector,
        running_system(redis_url, TRACES_URL=collector.url) as system,
    ):
        await post_offer(system.http, system.whip("demo"), PUBLISH_OFFER)
        refused = await post_offer(system.http, system.whip("demo"), PUBLISH_OFFER)
        assert refused.status_code == 409
        await eventually(
            "it is there",
            lambda: any(span.failed and span.name.startswith("POST") for span in collector.spans),
            IN_TIME,
        )
        failed = [span for span in collector.spans if span.failed]
        assert {span.attributes["error.type"] for span in failed} == {"publisher_exists"}


@pytest.mark.soak
async def test_without_a_collector_offers_are_answered_all_the_same(redis_url: str) -> None:
    async with running_system(redis_url, TRACES_URL="http://127.0.0.1:9/v1/traces") as system:
        assert (await post_offer(system.http, system.whip("demo"), PUBLISH_OFFER)).status_code == 201
