"""A peer is the one of its offer if its certificate has a digest of it."""

import hashlib

import pytest

from media.transport.dtls import DtlsError
from tests.unit.media.transport.dtls_far_end import Ends, shake_hands


async def test_a_wrong_fingerprint_is_refused(ends: Ends) -> None:
    far = ends.far()
    async with ends.linked(far, [("sha-256", ends.certificate.fingerprint)]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)
        assert not link.is_connected


@pytest.mark.parametrize("name", ["sha-256", "sha-384", "sha-512"])
async def test_each_hash_is_known(server: Ends, name: str) -> None:
    far = server.far()
    async with server.linked(far, [far.fingerprint(name)]) as link:
        await shake_hands(link, far)


async def test_of_several_fingerprints_one_must_match(server: Ends) -> None:
    far = server.far()
    async with server.linked(far, [("sha-256", "00"), far.fingerprint("sha-384")]) as link:
        await shake_hands(link, far)


async def test_a_digest_counts_for_its_own_hash_only(server: Ends) -> None:
    far = server.far()
    async with server.linked(far, [("sha-384", far.fingerprint("sha-256")[1])]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)


async def test_a_client_without_a_certificate_is_refused(server: Ends) -> None:
    far = server.far(without_certificate=True)
    empty = hashlib.sha256(b"").digest().hex(":").upper()
    async with server.linked(far, [("sha-256", empty)]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)
