"""What `media.transport.dtls` needs of aiortc is there, by the name and in the shape it relies on."""

import inspect

import pytest
from cryptography import x509

from media.transport.dtls import Certificate, DtlsLink
from media.transport.dtls import aiortc as rtcdtlstransport


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate.generateCertificate()


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        ("RTCCertificate", "generateCertificate", []),
        ("RTCCertificate", "_create_ssl_context", ["self", "srtp_profiles"]),
        ("RTCDtlsTransport", "__init__", ["self", "transport", "certificates"]),
        ("RTCDtlsTransport", "start", ["self", "remoteParameters"]),
        ("RTCDtlsTransport", "_validate_peer_identity", ["self", "remoteParameters"]),
        ("RTCDtlsTransport", "_setup_srtp", ["self"]),
        ("RTCDtlsTransport", "_do_handshake", ["self"]),
        ("RTCDtlsTransport", "_recv_next", ["self"]),
        ("RTCDtlsTransport", "_set_role", ["self", "role"]),
        ("RTCDtlsTransport", "_set_state", ["self", "state"]),
    ],
)
def test_a_method_is_where_it_was(owner: str, name: str, parameters: list[str]) -> None:
    method = getattr(getattr(rtcdtlstransport, owner), name, None)
    moved = f"aiortc has moved {owner}.{name}: media/transport/dtls.py relies on it"
    assert method is not None, moved
    assert list(inspect.signature(method).parameters) == parameters, moved


@pytest.mark.parametrize("method", ["start", "_recv_next", "_do_handshake"])
def test_what_is_awaited_is_awaitable(method: str) -> None:
    assert inspect.iscoroutinefunction(getattr(rtcdtlstransport.RTCDtlsTransport, method))


async def test_an_attribute_is_where_it_was(certificate: Certificate) -> None:
    link = DtlsLink(
        certificate, [("sha-256", "")], is_client=False, send=lambda _: None, on_closed=lambda: None
    )
    dtls = link._dtls
    for name, value in {
        "_ssl": None,
        "encrypted": False,
        "_task": None,
        "_role": "server",
        "_state": rtcdtlstransport.State.NEW,
        "state": "new",
    }.items():
        assert getattr(dtls, name, "moved") == value, f"aiortc has moved RTCDtlsTransport.{name}"
    assert {"NEW", "CONNECTING", "CONNECTED", "CLOSED", "FAILED"} == set(
        rtcdtlstransport.State.__members__
    ), "aiortc has other states of DTLS"
    assert isinstance(certificate._cert, x509.Certificate), "aiortc has moved RTCCertificate._cert"


def test_one_context_serves_the_process() -> None:
    certificate = Certificate.generateCertificate()
    assert certificate._create_ssl_context([]) is certificate._create_ssl_context([])
