"""The checks together: whatever happens to one, the report comes, and holds no secret."""

import asyncio

import pytest

from deploy.doctor import addresses
from deploy.doctor.checkup import examine, within
from deploy.doctor.finding import About, Finding, Verdict
from deploy.doctor.part import Part
from media.worker.media_ports import open_udp

GOOD = About("disk").ok("there")


async def good() -> list[Finding]:
    return [GOOD]


async def hangs() -> list[Finding]:
    await asyncio.Event().wait()
    return [GOOD]


async def breaks() -> list[Finding]:
    raise ValueError("redis://:hush@localhost")


async def test_a_check_reports_what_it_found() -> None:
    assert await within("disk", good) == [GOOD]


async def test_a_check_that_hangs_ends_at_its_deadline() -> None:
    [finding] = await within("disk", hangs, 0.01)
    assert finding.verdict is Verdict.FAIL
    assert finding.found == "does not answer within 0.01 s"


async def test_a_check_that_breaks_names_the_error_and_no_secret() -> None:
    [finding] = await within("disk", breaks)
    assert finding.verdict is Verdict.FAIL
    assert "ValueError" in finding.found
    assert "hush" not in finding.found + finding.mend


async def test_a_wrong_setting_is_what_there_is_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_ADDR", "localhost")
    [finding] = await examine(Part.UP)
    assert finding.verdict is Verdict.FAIL
    assert finding.found == "HTTP_ADDR: must be host:port or :port"


@pytest.mark.parametrize(
    ("part", "absent"),
    [(Part.CONTROL, {"socket buffers", "media address"}), (Part.WORKER, {"access", "TLS"})],
)
async def test_a_host_is_asked_for_what_it_runs(
    part: Part, absent: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIA_STUN_SERVERS", ",")  # none
    everything = {finding.about for finding in await examine(Part.UP)}
    some = {finding.about for finding in await examine(part)}
    assert absent <= everything
    assert not absent & some


async def test_a_system_that_starts_gets_its_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setenv("MEDIA_STUN_SERVERS", ",")  # none
    monkeypatch.setattr(
        addresses, "open_udp", lambda address: opened.append(address.port) or open_udp(address)
    )
    findings = await examine(Part.UP, is_starting=True)
    assert set(opened) == {0}
    assert "ports" not in {finding.about for finding in findings}
    assert ":7100" in next(one.found for one in findings if one.about == "media address")
