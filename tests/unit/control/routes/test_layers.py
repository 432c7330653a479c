"""What is read from a choice of a layer, whatever a stranger sends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.routes.layers import Choice, parse_choice
from shared.errors import ErrorCode
from tests.support.sdp import error_of

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
_MEMBERS = st.sampled_from(["rid", "encodingId", "picture", "mediaId", "maxTemporalLayerId", "maxWidth"])
_WISHES = st.dictionaries(_MEMBERS, _VALUES)


def refused(body: bytes) -> bool:
    """Whether it is refused, as it should be; otherwise it is a choice."""
    if (error := error_of(lambda: parse_choice(body))) is not None:
        assert error is ErrorCode.INVALID_LAYER
        return True
    choice = parse_choice(body)
    assert choice.rid is None or (choice.rid.isascii() and 0 < len(choice.rid) <= 64)
    assert choice.picture in (True, False)
    assert 0 <= choice.max_width <= 65_536
    assert choice.section.isdigit() or not choice.section
    return False


@given(st.binary(max_size=200) | _VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_choice_or_refused(body: bytes) -> None:
    refused(body)


@given(_WISHES)
def test_any_members_are_a_choice_or_refused(wish: dict[str, object]) -> None:
    refused(json.dumps(wish).encode())


@pytest.mark.parametrize(
    "body",
    [
        *(b"[" * 4096, b'{"rid":' * 500, b"1" * 4096, b'"\\ud800"', b"\xff\xfe{", b"", b'["h"]'),
        *(b'{"rid":1}', b'{"rid":"a b"}', b'{"rid":"%s"}' % (b"a" * 65), b'{"picture":"no"}'),
    ],
)
def test_what_is_no_choice_is_refused(body: bytes) -> None:
    assert refused(body)


def test_the_present_name_counts_where_both_are_given() -> None:
    assert parse_choice(b'{"encodingId":"q","rid":"f"}') == Choice("f")
    assert parse_choice(b'{"encodingId":"q","rid":null}') == Choice(None)
    assert parse_choice(b'{"encodingId":"q"}') == Choice("q")
    assert parse_choice(b'{"rid":"f","picture":false}') == Choice("f", picture=False)


def test_a_limit_is_a_number_of_pixels() -> None:
    assert parse_choice(b'{"maxWidth":640,"maxHeight":360.5}') == Choice(max_width=640, max_height=360)
    assert parse_choice(b'{"maxWidth":null,"mediaId":"1"}') == Choice(section="1")
    for wrong in ("0", "-1", "true", '"640"', "1e999", "NaN", "[]"):
        assert refused(f'{{"maxHeight":{wrong}}}'.encode())
