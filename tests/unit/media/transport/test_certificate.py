"""A process has one certificate, and tells its digest."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

from media.transport.certificate import Certificate


def test_its_fingerprint_is_the_digest_of_what_a_peer_sees() -> None:
    certificate = Certificate.generate()
    seen = SSL.Connection(certificate.context).get_certificate()
    assert seen is not None
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, seen)
    assert certificate.fingerprint == hashlib.sha256(der).digest().hex(":").upper()
    key = seen.get_pubkey().to_cryptography_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"


def test_its_context_goes_no_further_than_dtls_1_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL does not tell what it was set to."""
    highest: list[int] = []
    monkeypatch.setattr(SSL.Context, "set_max_proto_version", lambda _, version: highest.append(version))
    assert Certificate.generate().context is not None
    assert highest == [0xFEFD]


def test_each_process_has_another_one() -> None:
    assert Certificate.generate().fingerprint != Certificate.generate().fingerprint
