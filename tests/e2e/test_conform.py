"""`roomcast conform`: ours is whole, and a server that is not whole is told what it lacks."""

import sys
from pathlib import Path

import pytest

from deploy.conform.run import Held, Verdict, as_text, conform
from tests.support.foreign_server import foreign_server
from tests.support.system import running_system
from tools.bench.pion import built_pion_server

DRAFT = {"WHEP_WITHOUT_PUBLISHER": "409", "WHEP_COUNTER_OFFERS": "always"}

pytestmark = pytest.mark.e2e


def lacking(held: list[Held]) -> set[str]:
    return {each.rule.id for each in held if each.verdict is Verdict.LACKS}


def untried(held: list[Held]) -> set[str]:
    return {each.rule.id for each in held if each.verdict is Verdict.UNTRIED}


async def test_ours_is_whole_by_the_draft(redis_url: str) -> None:
    async with running_system(redis_url, AUTH_TOKEN="a-token-for-all-of-it", **DRAFT) as system:
        held = await conform(system.whip("conform"), system.whep("conform"), "a-token-for-all-of-it")
    assert not lacking(held), as_text(held)
    assert not untried(held), as_text(held)


async def test_by_the_contract_one_status_differs(redis_url: str) -> None:
    async with running_system(redis_url) as system:
        held = await conform(system.whip("conform"), system.whep("conform"))
    assert lacking(held) == {"whep-not-live"}, as_text(held)
    assert untried(held) == {"whip-bearer", "whep-bearer"}


@pytest.mark.soak
@pytest.mark.parametrize("built_on", ["aiortc", "pion"])
async def test_others_get_a_fair_look(built_on: str, tmp_path: Path) -> None:
    """They relay media, and say less than the draft wants, as docs/standards.md tells."""
    if built_on == "pion":
        command = [str(built_pion_server(tmp_path))]
    else:
        command = [sys.executable, "-m", "tools.bench.media_relay_server"]
    async with foreign_server(command) as server:
        held = await conform(f"{server.url}/whip/show", f"{server.url}/whep/show")
    print(as_text(held))
    holding = {each.rule.id for each in held if each.verdict is Verdict.HOLDS}
    assert {"whip-answer", "whip-media", "whep-answer", "whep-media", "whip-delete", "whep-delete"} <= holding
    assert {"whip-get", "whep-get", "whep-head", "whep-not-live"} <= lacking(held)
    assert {"whip-etag", "whep-etag", "whip-restart", "whep-restart"} <= untried(held)
