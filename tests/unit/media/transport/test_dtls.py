"""A DTLS link from its handshake to its end, with plain OpenSSL at the far end."""

import asyncio
import gc
import random
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from media.rtp.srtp import Profile
from media.transport.certificate import Certificate
from media.transport.dtls import QUEUE_LIMIT, DtlsError, DtlsLink
from media.transport.flight import REPEATS
from tests.support.certificate import Key, self_signed
from tests.support.waiting import eventually
from tests.unit.media.transport.dtls_far_end import (
    IN_TIME,
    Ends,
    FarEnd,
    records,
    shake_hands,
)


@pytest.fixture
def our_logs() -> Iterator[list[Any]]:
    """What we write to the log; `caplog` has what asyncio does."""
    with capture_logs() as logs:
        yield logs


# --- handshakes


@pytest.mark.parametrize("kind", ["ECDSA", "RSA"])
async def test_keys_are_agreed_on(ends: Ends, kind: str) -> None:
    key: Key | None = rsa.generate_private_key(65537, 2048) if kind == "RSA" else None
    far = ends.far(key=key)
    async with ends.linked(far) as link:
        keys = await shake_hands(link, far)
    assert keys == far.keys()
    assert keys.profile is Profile.AEAD_AES_128_GCM
    assert far.ssl.get_protocol_version_name() == "DTLSv1.2"
    assert far.said_goodbye
    assert not far.closed


@pytest.mark.parametrize(
    ("srtp", "profile"),
    [
        (b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", Profile.AEAD_AES_128_GCM),
        (b"SRTP_AES128_CM_SHA1_80", Profile.AES128_CM_SHA1_80),
    ],
)
async def test_gcm_is_preferred_and_sha1_is_taken(ends: Ends, srtp: bytes, profile: Profile) -> None:
    far = ends.far(srtp=srtp)
    async with ends.linked(far) as link:
        keys = await shake_hands(link, far)
    assert keys == far.keys()
    if not (ends.we_are_client and b":" in srtp):  # the server chooses, in its own order
        assert keys.profile is profile


async def test_a_certificate_with_a_wrong_version_is_taken_by_its_digest(ends: Ends) -> None:
    """As OBS brings it."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = self_signed(key).public_bytes(Encoding.DER)
    version = bytes.fromhex("a003020102")
    assert der.count(version) == 1
    der = der.replace(version, bytes.fromhex("a003020103"))
    with pytest.raises(x509.InvalidVersion):
        x509.load_der_x509_certificate(der)
    far = ends.far(key=key, der=der)
    async with ends.linked(far) as link:
        assert await shake_hands(link, far) == far.keys()


# --- a bad network


async def test_fragments_and_doubles_and_garbage_in_between_are_harmless(ends: Ends) -> None:
    far = ends.far()
    far.ssl.set_ciphertext_mtu(256)
    noises = (b"\x16", b"\x16\xfe\xfd", b"\x17\xfe\xfd" + bytes(300), b"\x3f" * 40, b"\x14" * 13)

    def arrive(datagram: bytes) -> None:
        for number, record in enumerate(records(datagram)):
            far.link.receive(noises[number % len(noises)])
            far.link.receive(record)
            if number % 2:
                far.link.receive(record)

    far.arrive = arrive
    async with ends.linked(far) as link:
        assert await shake_hands(link, far) == far.keys()
    assert max(len(records(flight)) for flight in far.sent) >= 5


async def test_whatever_a_peer_sends_the_handshake_ends_in_keys_or_in_its_one_error(
    ends: Ends, caplog: pytest.LogCaptureFixture, our_logs: list[Any]
) -> None:
    outcomes = set()
    for seed in range(30):
        chance = random.Random(seed)

        far = ends.far()

        def arrive(datagram: bytes, chance: random.Random = chance, far: FarEnd = far) -> None:
            data = bytearray(datagram)
            for _ in range(chance.choice((0, 0, 1, 3))):
                data[chance.randrange(1, len(data))] = chance.randrange(256)
            far.link.receive(bytes(data[: chance.choice((len(data), len(data), len(data) - 1, 30))]))

        far.arrive = arrive
        async with ends.linked(far) as link:
            if far.is_client:
                far.advance()
            try:
                outcomes.add(type(await asyncio.wait_for(link.handshake(), 0.05)))
            except (DtlsError, TimeoutError) as error:
                outcomes.add(type(error))
    assert DtlsError in outcomes
    assert not caplog.records
    assert not our_logs


async def test_a_flood_is_dropped(server: Ends) -> None:
    far = server.far()
    async with server.linked(far) as link:
        for _ in range(10_000):
            link.receive(b"\x16" * 1000)
        assert len(link._received) == QUEUE_LIMIT


async def test_links_compute_one_after_another_and_each_in_its_own_round_of_the_loop(server: Ends) -> None:
    """Otherwise a flood of handshakes would hold media back."""
    far, other = server.far(), server.far()
    async with server.linked(far) as first, server.linked(other) as second:
        await shake_hands(first, far)
        await shake_hands(second, other)
        waiting = []
        for link in (first, second):
            link.receive(b"\x16" * 20)
        for _ in range(2):
            await asyncio.sleep(0)
            waiting.append([len(first._received), len(second._received)])
    assert waiting == [[0, 1], [0, 0]]


# --- after the handshake


async def test_garbage_after_the_handshake_changes_nothing(
    ends: Ends, caplog: pytest.LogCaptureFixture, our_logs: list[Any]
) -> None:
    far = ends.far()
    chance = random.Random(5)
    async with ends.linked(far) as link:
        await shake_hands(link, far)
        for _ in range(1000):
            data = bytearray(chance.choice(far.sent))
            data[chance.randrange(len(data))] = chance.randrange(256)
            link.receive(bytes((chance.randrange(20, 64),)) + data[1:])
            link.receive(bytes((chance.randrange(20, 64),)) + chance.randbytes(chance.randrange(100)))
            await asyncio.sleep(0)
        far.ssl.send(b"nobody asked for data")
        far.flush()
        await eventually("all was read", lambda: not link._received, IN_TIME)
        assert link.is_connected
    assert not far.closed
    assert not caplog.records
    assert not our_logs


async def test_a_peer_that_renegotiates_is_closed(server: Ends) -> None:
    """OpenSSL refuses, and from then on would keep all that comes without reading it."""
    far = server.far()
    async with server.linked(far) as link:
        await shake_hands(link, far)
        far.ssl.renegotiate()
        far.advance()
        await eventually("closed", lambda: far.closed, IN_TIME)
    assert far.closed == 1


async def test_a_link_may_be_closed_at_any_time(ends: Ends) -> None:
    far = ends.far()
    async with ends.linked(far) as link:  # before the handshake
        link.close()
    far = ends.far()
    async with ends.linked(far) as link:  # and twice, here and by `linked`
        await shake_hands(link, far)
        link.close()
    assert not far.closed


# --- by the peer


async def test_a_close_behind_many_records_in_one_datagram_is_told_once(ends: Ends) -> None:
    """What is not read would stay in memory, too."""
    far = ends.far()
    async with ends.linked(far) as link:
        await shake_hands(link, far)
        datagram = b"".join(data(far) for _ in range(36)) + goodbye(far)
        link.receive(datagram)
        await eventually("closed", lambda: far.closed, IN_TIME)
        link.receive(datagram)
    assert far.closed == 1


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


@pytest.mark.parametrize("number", [1, 2, 2 + len(REPEATS)], ids=["at once", "in a repeat", "in OpenSSL's"])
async def test_who_waits_for_keys_gets_a_bug(ends: Ends, number: int, escaped: list[Any]) -> None:
    far = ends.far()
    sent: list[bytes] = []

    def send(datagram: bytes) -> None:
        sent.append(datagram)
        if len(sent) == number:
            raise BugError

    with capture_logs() as logs:
        async with ends.linked(far) as link:
            link._send = send
            with pytest.raises(BugError):
                await shake_hands(link, far)
            nothing_is_left(link)
    assert (sent[-1] == sent[0]) == (number <= 1 + len(REPEATS))  # OpenSSL's have numbers of their own
    assert (logs, escaped, far.closed) == ([], [], 0)  # who waits writes it to the log


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


@pytest.mark.parametrize("says_goodbye", [True, False])
async def test_who_hangs_at_a_goodbye_gets_none(ends: Ends, says_goodbye: bool) -> None:
    far = ends.far()
    async with ends.linked(far) as link:
        link._says_goodbye = says_goodbye
        await shake_hands(link, far)
        link.close()
        assert far.said_goodbye == says_goodbye


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


@pytest.mark.parametrize("name", ["sha-256", "sha-384", "sha-512"])
async def test_each_hash_is_known_and_one_fingerprint_must_match(server: Ends, name: str) -> None:
    far = server.far()
    async with server.linked(far, [("sha-256", "00"), far.fingerprint(name)]) as link:
        await shake_hands(link, far)


async def test_a_digest_counts_for_its_own_hash_only(server: Ends) -> None:
    far = server.far()
    async with server.linked(far, [("sha-384", far.fingerprint("sha-256")[1])]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)
