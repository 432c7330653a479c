"""A DTLS association ends once, and leaves nothing behind: by the peer, by us, or by a bug."""

import asyncio
from pathlib import Path

import pytest

from media.transport.certificate import Certificate
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
