"""What the tests with foreign clients may ask for."""

import pytest

from tests.support.client_runs import ROOT, ClientRuns, promises


@pytest.fixture
def client_runs(request: pytest.FixtureRequest) -> ClientRuns:
    """Takes note of the clients that a test has run."""
    return ClientRuns(request.node.path.relative_to(ROOT).as_posix(), promises(request.node))
