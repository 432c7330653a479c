"""The offers of real clients in `tests/fixtures/offers`, as pytest parameters."""

from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / "fixtures" / "offers"

# (path of the endpoint, offer), named after the file
REAL_OFFERS = [
    pytest.param(
        "/api/whip/publish/demo" if file.name.startswith("whip-") else "/api/whep/play/demo",
        file.read_bytes(),
        id=file.stem,
    )
    for file in sorted(_FOLDER.glob("wh[ie]p-*.sdp"))
]
