"""`roomcast conform`: ours is whole, and a server that is not whole is told what it lacks."""

import pytest

from deploy.conform.run import Held, Verdict, as_text, conform
from tests.support.system import running_system

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
