"""What is read from a viewer's report, whatever a stranger sends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.routes.viewing import parse_viewing
from control.workers.viewing_reports import Viewing
from shared.errors import ErrorCode
from tests.support.sdp import error_of

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_MEMBERS = st.sampled_from(
    ["seconds", "firstPicture", "stills", "stillSeconds", "concealedSeconds", "lines", "latency"]
)


@given(st.dictionaries(_MEMBERS, _SCALARS | st.lists(_SCALARS)))
def test_any_members_are_a_report_of_little_or_refused(report: dict[str, object]) -> None:
    body = json.dumps(report).encode()
    if (error := error_of(lambda: parse_viewing(body))) is not None:
        assert error is ErrorCode.INVALID_VIEWING
        return
    assert all(0 <= each <= 120_000 for each in parse_viewing(body).sums().values())


@pytest.mark.parametrize(
    "member",
    [
        '"firstPicture":61',
        '"latency":-0.1',
        '"latency":NaN',
        '"stills":1.5',
        '"lines":true',
        '"stillSeconds":31',
    ],
)
def test_what_cannot_be_is_refused(member: str) -> None:
    assert error_of(lambda: parse_viewing(f'{{"seconds":30,{member}}}'.encode())) is ErrorCode.INVALID_VIEWING


def test_what_is_missing_was_not_seen() -> None:
    assert parse_viewing(b'{"seconds":30,"latency":null}') == Viewing(seconds=30)
