"""What `media.transport.certificate` needs of aiortc is there, by the name and in the shape it relies on."""

import inspect

import pytest

from media.transport.certificate import Certificate, aiortc


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("generateCertificate", []),
        ("getFingerprints", ["self"]),
        ("_create_ssl_context", ["self", "srtp_profiles"]),
    ],
)
def test_a_method_is_where_it_was(name: str, parameters: list[str]) -> None:
    method = getattr(aiortc.RTCCertificate, name, None)
    moved = f"aiortc has moved RTCCertificate.{name}: media/transport/certificate.py relies on it"
    assert method is not None, moved
    assert list(inspect.signature(method).parameters) == parameters, moved


def test_it_knows_our_profiles() -> None:
    """In the order in which we want them; OpenSSL refuses a name that it does not know."""
    profiles = aiortc.SRTP_AEAD_AES_128_GCM, aiortc.SRTP_AES128_CM_SHA1_80
    names = [each.openssl_profile for each in profiles]
    assert names == [b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80"]
    assert Certificate.generate().context is not None
