"""A DTLS association ends once, and leaves nothing behind: by the peer, by us, or by a bug."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from media.transport.certificate import Certificate
from media.transport.dtls import DtlsError, DtlsLink
from media.transport.flight import REPEATS
from tests.support.waiting import eventually
from tests.unit.media.transport.dtls_far_end import IN_TIME, Ends, FarEnd, shake_hands

# --- by the peer


async def test_a_close_behind_many_records_in_one_datagram(ends: Ends) -> None:
    far = ends.far()
    async with ends.linked(far) as link:
        await shake_hands(link, far)
        link.receive(b"".join(data(far) for _ in range(36)) + goodbye(far))
        await eventually("closed", lambda: far.closed, IN_TIME)
    assert far.closed == 1


async def test_whatever_a_peer_sends_after_the_handshake_is_read(ends: Ends) -> None:
    """What is not read stays in memory, and a close behind it would wait."""
    far = ends.far()
    async with ends.linked(far) as link:
        await shake_hands(link, far)
        for _ in range(200):
            link.receive(b"".join(data(far) for _ in range(30)))
            while link._received:
                await asyncio.sleep(0)
        link.receive(goodbye(far))
        await eventually("closed", lambda: far.closed, IN_TIME)


async def test_a_close_in_the_datagram_that_ends_the_handshake(client: Ends) -> None:
    """A server has keys when it sends its last flight."""
    far = client.far()

    def arrive(datagram: bytes) -> None:
        far.link.receive(datagram + goodbye(far) if far.done.is_set() else datagram)

    far.arrive = arrive
    async with client.linked(far) as link:
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


# --- by a bug of ours


class BugError(Exception):
    pass


@pytest.fixture
async def escaped() -> list[Any]:
    """What has reached the event loop's own handler."""
    found: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    return found


def fail(*_: object) -> None:
    raise BugError


async def test_who_waits_for_keys_gets_a_bug(ends: Ends, escaped: list[Any]) -> None:
    far = ends.far()
    with capture_logs() as logs:
        async with ends.linked(far) as link:
            link._send = fail
            with pytest.raises(BugError):
                await shake_hands(link, far)
            nothing_is_left(link)
    assert (logs, escaped, far.closed) == ([], [], 0)  # who waits writes it to the log


@pytest.mark.parametrize("of_openssl", [False, True])
async def test_who_waits_for_keys_gets_a_bug_in_a_repetition(
    ends: Ends, of_openssl: bool, escaped: list[Any]
) -> None:
    far = ends.far()
    sent: list[bytes] = []

    def send(datagram: bytes) -> None:
        sent.append(datagram)
        if len(sent) > 1 and not (of_openssl and datagram == sent[0]):  # OpenSSL's have numbers of their own
            raise BugError

    with capture_logs() as logs:
        async with ends.linked(far) as link:
            link._send = send
            with pytest.raises(BugError):
                await shake_hands(link, far)
            nothing_is_left(link)
    assert len(sent) == (2 + len(REPEATS) if of_openssl else 2)
    assert (logs, escaped, far.closed) == ([], [], 0)


async def test_afterwards_a_bug_is_as_if_the_peer_had_closed(server: Ends, escaped: list[Any]) -> None:
    far = server.far()
    with capture_logs() as logs:
        async with server.linked(far) as link:
            await shake_hands(link, far)
            link._send = fail
            far.ssl.renegotiate()  # which we refuse, or would
            far.advance()
            await eventually("closed", lambda: far.closed, IN_TIME)
            nothing_is_left(link)
    [line] = logs
    assert (line["event"], line["log_level"]) == ("unexpected error in a DTLS association", "error")
    assert isinstance(line["exc_info"], BugError)
    assert (escaped, far.closed) == ([], 1)


async def test_an_owner_that_fails_is_told_once(server: Ends, escaped: list[Any]) -> None:
    told = []

    def on_closed() -> None:
        told.append(True)
        raise BugError

    far = server.far()
    with capture_logs() as logs:
        async with server.linked(far) as link:
            await shake_hands(link, far)
            link._on_closed = on_closed
            link.receive(goodbye(far))
            await eventually("it is in the log", lambda: logs, IN_TIME)
            nothing_is_left(link)
    assert [type(line["exc_info"]) for line in logs] == [BugError]
    assert (len(told), escaped) == (1, [])


def nothing_is_left(link: DtlsLink) -> None:
    assert link._ssl is None
    assert link._timer is None
    assert not link.is_connected


# --- by us, and what is left


async def test_after_close_there_is_no_timer_and_nothing_is_kept(ends: Ends) -> None:
    far = ends.far()
    far.lost = lambda _: True
    async with ends.linked(far) as link:
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


async def test_after_close_nobody_is_told_of_the_peers(ends: Ends) -> None:
    far = ends.far()
    async with ends.linked(far) as link:
        await shake_hands(link, far)
        link.receive(goodbye(far))
        link.close()
        await asyncio.sleep(0)  # the turn for which that datagram has asked
        await asyncio.sleep(0)
    assert not far.closed


async def test_a_goodbye_that_cannot_be_sent_keeps_nothing(server: Ends) -> None:
    far = server.far()
    async with server.linked(far) as link:
        await shake_hands(link, far)
        link._send = fail
        with pytest.raises(BugError):
            link.close()
        nothing_is_left(link)
        link.receive(goodbye(far))
        assert not link._received
        link._on_closed()
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
async def test_a_failed_handshake_leaves_the_garbage_collector_no_work(server: Ends, we_refuse: bool) -> None:
    far = server.far(without_certificate=we_refuse)
    if not we_refuse:
        far.lost = lambda _: bool(far.link.receive(bytes.fromhex("15fefd000000000000000a00020228")) or True)

    async def failed() -> Callable[[], DtlsLink | None]:
        link = far.link = DtlsLink(
            server.certificate, [far.fingerprint()], is_client=False, send=far.receive, on_closed=lambda: None
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
