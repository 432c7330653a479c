"""A peer is the one of its offer if its certificate has a digest of it."""

import hashlib
from pathlib import Path

import pytest

from media.transport.certificate import Certificate
from media.transport.dtls import DtlsError
from tests.unit.media.transport.dtls_far_end import far_end, linked, shake_hands

BOTH_ROLES = pytest.mark.parametrize("we_are_client", [False, True], ids=["server", "client"])


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate.generate()


@BOTH_ROLES
async def test_a_wrong_fingerprint_is_refused(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    async with linked(certificate, far, [("sha-256", certificate.fingerprint)]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)
        assert not link.is_connected


@pytest.mark.parametrize("name", ["sha-256", "sha-384", "sha-512"])
async def test_each_hash_is_known(certificate: Certificate, tmp_path: Path, name: str) -> None:
    far = far_end(tmp_path, is_client=True)
    async with linked(certificate, far, [far.fingerprint(name)]) as link:
        await shake_hands(link, far)


async def test_of_several_fingerprints_one_must_match(certificate: Certificate, tmp_path: Path) -> None:
    far = far_end(tmp_path, is_client=True)
    async with linked(certificate, far, [("sha-256", "00"), far.fingerprint("sha-384")]) as link:
        await shake_hands(link, far)


async def test_a_digest_counts_for_its_own_hash_only(certificate: Certificate, tmp_path: Path) -> None:
    far = far_end(tmp_path, is_client=True)
    async with linked(certificate, far, [("sha-384", far.fingerprint("sha-256")[1])]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)


async def test_a_client_without_a_certificate_is_refused(certificate: Certificate, tmp_path: Path) -> None:
    far = far_end(tmp_path, is_client=True, without_certificate=True)
    empty = hashlib.sha256(b"").digest().hex(":").upper()
    async with linked(certificate, far, [("sha-256", empty)]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)
