"""What is read from a choice of a layer."""

import pytest

from control.routes.layers import Choice, parse_choice
from shared.errors import ErrorCode
from tests.support.sdp import error_of


@pytest.mark.parametrize(
    "body",
    [
        *(b"[" * 4096, b'{"rid":' * 500, b"1" * 4096, b'"\\ud800"', b"\xff\xfe{", b"", b'["h"]'),
        *(b'{"rid":1}', b'{"rid":"a b"}', b'{"rid":"%s"}' % (b"a" * 65), b'{"picture":"no"}'),
    ],
)
def test_what_is_no_choice_is_refused(body: bytes) -> None:
    assert error_of(lambda: parse_choice(body)) is ErrorCode.INVALID_LAYER


def test_the_present_name_counts_where_both_are_given() -> None:
    assert parse_choice(b'{"encodingId":"q","rid":"f"}') == Choice("f")
    assert parse_choice(b'{"encodingId":"q","rid":null}') == Choice(None)
    assert parse_choice(b'{"encodingId":"q"}') == Choice("q")
    assert parse_choice(b'{"rid":"f","picture":false}') == Choice("f", picture=False)


def test_a_limit_is_a_number_of_pixels() -> None:
    assert parse_choice(b'{"maxWidth":640,"maxHeight":360.5}') == Choice(max_width=640, max_height=360)
    assert parse_choice(b'{"maxWidth":null,"mediaId":"1"}') == Choice(section="1")
    for wrong in ("0", "-1", "true", '"640"', "1e999", "NaN", "[]"):
        body = f'{{"maxHeight":{wrong}}}'.encode()
        assert error_of(lambda: parse_choice(body)) is ErrorCode.INVALID_LAYER  # noqa: B023
