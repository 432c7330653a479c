"""All checks at once, each with a deadline of its own."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NoReturn

from deploy.doctor import (
    access,
    addresses,
    card,
    certificate,
    libraries,
    limits,
    offload,
    ports,
    recordings,
    redis_server,
    report,
    services,
)
from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from media.recording.disk_threads import DiskThreads
from shared.settings.settings import Settings, SettingsError, load_settings
from shared.telemetry.logging import configure_logging

DEADLINE_SECONDS = 6.0  # for each check; they run side by side

Look = Callable[[Settings, Part], list[Finding]]

# In the order in which they are reported. These may block: each gets a thread.
BLOCKING: dict[str, Look] = {
    "limits": limits.look,
    "offload": offload.look,
    "network card": card.look,
    "TLS": certificate.look,
    "access": access.look,
    "recordings": recordings.look,
    "libraries": libraries.look,
}


def run(part: Part, form: Callable[[Sequence[Finding]], str], *, is_starting: bool = False) -> NoReturn:
    """Examine, print, and exit: with 0, or with 1 if something has failed."""
    configure_logging("CRITICAL")  # what is called here has log lines of its own
    # not `asyncio.run`: that would wait for a name server that does not answer
    findings = asyncio.new_event_loop().run_until_complete(examine(part, is_starting=is_starting))
    print(form(findings))
    sys.stdout.flush()
    os._exit(0 if report.is_sound(findings) else 1)  # nor for the threads


async def examine(part: Part, *, is_starting: bool = False) -> list[Finding]:
    """What there is to say about this host and the settings of the environment, the most basic first.

    While the system starts, its ports are left to it.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        return [About("settings").fail(str(error), "see docs/settings.md, or `roomcast config`")]
    threads = DiskThreads("doctor", len(BLOCKING) + 1)  # daemons: a disk that hangs does not hold up the end

    async def network() -> list[Finding]:
        """One after the other: both want the media port."""
        found = []
        if not is_starting:
            found = await within("ports", partial(threads.call, ports.look, settings, part))
        look = partial(addresses.look, settings, part, is_starting=is_starting)
        return [*found, *await within("addresses", look)]

    looks = [
        within("redis", partial(redis_server.look, settings, part)),
        network(),
        within("services", partial(services.look, settings, part)),
    ] + [within(name, partial(threads.call, look, settings, part)) for name, look in BLOCKING.items()]
    return [finding for findings in await asyncio.gather(*looks) for finding in findings]


async def within(
    name: str, look: Callable[[], Awaitable[list[Finding]]], seconds: float = DEADLINE_SECONDS
) -> list[Finding]:
    """The findings of `look`, or one that says that it hangs or is broken."""
    try:
        async with asyncio.timeout(seconds):
            return await look()
    except TimeoutError:
        return [About(name).fail(f"does not answer within {seconds:g} s", "find out what holds it up")]
    except Exception as error:  # its text may hold a secret
        return [About(name).fail(f"the check itself is broken: {type(error).__name__}", "please report it")]
