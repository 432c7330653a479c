"""What is read from a viewer's report."""

import json
from dataclasses import astuple

import pytest

from control.routes.viewing import parse_viewing
from control.workers.viewing_reports import Viewing
from shared.errors import ErrorCode
from tests.support.sdp import error_of

FIELDS = ("seconds", "firstPicture", "stills", "stillSeconds", "concealedSeconds", "lines", "latency")


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{}",
            b"[" * 900,
            b'{"seconds":86400}',
            b'{"seconds":"30"}',
            b'{"seconds":30,"viewer":"eve"}',
        ),
        *(
            b'{"seconds":30,"firstPicture":61}',
            b'{"seconds":30,"stills":1.5}',
            b'{"seconds":30,"lines":true}',
        ),
        *(
            b'{"seconds":30,"latency":-0.1}',
            b'{"seconds":30,"latency":NaN}',
            b'{"seconds":30,"stillSeconds":31}',
        ),
    ],
)
def test_what_cannot_be_is_refused(body: bytes) -> None:
    assert error_of(lambda: parse_viewing(body)) is ErrorCode.INVALID_VIEWING


def test_a_report_has_what_was_seen() -> None:
    values = (30, 0.4, 1, 0.5, 0.1, 720, 0.3)
    assert astuple(parse_viewing(json.dumps(dict(zip(FIELDS, values, strict=True))).encode())) == values
    assert parse_viewing(b'{"seconds":30,"latency":null}') == Viewing(seconds=30)
