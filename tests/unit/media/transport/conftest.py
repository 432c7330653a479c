"""Ends of DTLS: ours in both roles, or in the one that a test needs."""

from pathlib import Path

import pytest

from media.transport.certificate import Certificate
from tests.unit.media.transport.dtls_far_end import Ends


@pytest.fixture(scope="session")
def certificate() -> Certificate:
    return Certificate.generate()


@pytest.fixture(params=["server", "client"])
def ends(request: pytest.FixtureRequest, certificate: Certificate, tmp_path: Path) -> Ends:
    """We are the one, and then the other."""
    return Ends(certificate, tmp_path, we_are_client=request.param == "client")


@pytest.fixture
def server(certificate: Certificate, tmp_path: Path) -> Ends:
    """We are the server."""
    return Ends(certificate, tmp_path, we_are_client=False)


@pytest.fixture
def client(certificate: Certificate, tmp_path: Path) -> Ends:
    """We are the client."""
    return Ends(certificate, tmp_path, we_are_client=True)
