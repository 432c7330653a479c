"""A DTLS association ends once, and leaves nothing behind: by the peer, by us, or by a bug."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from media.transport.certificate import Certificate
from media.transport.dtls import DtlsError, DtlsLink
from tests.support.waiting import eventually
from tests.unit.media.transport.dtls_far_end import IN_TIME, FarEnd, far_end, linked, shake_hands

BOTH_ROLES = pytest.mark.parametrize("we_are_client", [False, True], ids=["server", "client"])


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate.generate()


# --- by the peer


@BOTH_ROLES
async def test_a_close_behind_many_records_in_one_datagram(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    async with linked(certificate, far) as link:
        await shake_hands(link, far)
        link.receive(b"".join(data(far) for _ in range(36)) + goodbye(far))
        await eventually("closed", lambda: far.closed, IN_TIME)
    assert far.closed == 1


@BOTH_ROLES
async def test_whatever_a_peer_sends_after_the_handshake_is_read(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    """What is not read stays in memory, and a close behind it would wait."""
    far = far_end(tmp_path, is_client=not we_are_client)
    async with linked(certificate, far) as link:
        await shake_hands(link, far)
        for _ in range(200):
            link.receive(b"".join(data(far) for _ in range(30)))
            while link._received:
                await asyncio.sleep(0)
        link.receive(goodbye(far))
        await eventually("closed", lambda: far.closed, IN_TIME)


async def test_a_close_in_the_datagram_that_ends_the_handshake(
    certificate: Certificate, tmp_path: Path
) -> None:
    """A server has keys when it sends its last flight."""
    far = far_end(tmp_path, is_client=False)

    def arrive(datagram: bytes) -> None:
        far.link.receive(datagram + goodbye(far) if far.done.is_set() else datagram)

    far.arrive = arrive
    async with linked(certificate, far) as link:
        assert await shake_hands(link, far) == far.keys()
        await eventually("closed", lambda: far.closed, IN_TIME)
        assert not link.is_connected
    assert far.closed == 1


def data(far: FarEnd) -> bytes:
    far.ssl.send(b"x")
    return far.ssl.bio_read(1500)


def goodbye(far: FarEnd) -> bytes:
    far.ssl.shutdown()
    return far.ssl.bio_read(1500)


# --- by us, and what is left


@BOTH_ROLES
async def test_after_close_there_is_no_timer_and_nothing_is_kept(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    far.lost = lambda _: True
    async with linked(certificate, far) as link:
        shaking = asyncio.create_task(link.handshake())
        await asyncio.sleep(0)
        if far.is_client:
            far.advance()
        await eventually("a timer", lambda: link._timer, IN_TIME, every=0)
        timer = link._timer
        assert timer is not None
        shaking.cancel()
        link.close()
        assert timer.cancelled()
        assert link._timer is None
        link.receive(b"\x16" * 100)
        assert not link._received


@BOTH_ROLES
async def test_after_close_nobody_is_told_of_the_peers(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    async with linked(certificate, far) as link:
        await shake_hands(link, far)
        link.receive(goodbye(far))
        link.close()
        await asyncio.sleep(0)  # the turn for which that datagram has asked
        await asyncio.sleep(0)
    assert not far.closed


async def test_after_close_its_owner_is_let_go(certificate: Certificate) -> None:
    class Owner:
        def hear(self, *_: object) -> None: ...

    owner = Owner()
    link = DtlsLink(certificate, [], is_client=False, send=owner.hear, on_closed=owner.hear)
    held = weakref.ref(owner)
    link.close()
    del owner
    assert held() is None


@pytest.mark.parametrize("we_refuse", [True, False], ids=["refused", "refusing"])
async def test_a_failed_handshake_leaves_the_garbage_collector_no_work(
    certificate: Certificate, tmp_path: Path, we_refuse: bool
) -> None:
    far = far_end(tmp_path, is_client=True, without_certificate=we_refuse)
    if not we_refuse:
        far.lost = lambda _: bool(far.link.receive(bytes.fromhex("15fefd000000000000000a00020228")) or True)

    async def failed() -> Callable[[], DtlsLink | None]:
        link = far.link = DtlsLink(
            certificate, [far.fingerprint()], is_client=False, send=far.receive, on_closed=lambda: None
        )
        try:
            await shake_hands(link, far)
        except DtlsError:
            link.close()
            del far.link
            return weakref.ref(link)
        raise AssertionError("it did not fail")

    gc.collect()
    gc.disable()
    try:
        held = await failed()
        await eventually("it is gone", lambda: held() is None, IN_TIME)
    finally:
        gc.enable()
