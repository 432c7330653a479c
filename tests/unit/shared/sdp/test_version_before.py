"""Text of the version before is told from what is parsed."""

import pytest

from shared.errors import ErrorCode, ServiceError
from shared.messages.encoding import DecodeError
from shared.sdp.encoding import encode
from shared.sdp.fragment import Fragment, parse_fragment
from shared.sdp.offer import parse_offer
from shared.sdp.version_before import read_fragment, read_offer
from tests.support.mangled_offers import REAL

FRAGMENT = "a=ice-ufrag:abcd\r\na=ice-pwd:pppppppppppppppppppppp\r\n"


@pytest.mark.parametrize("text", REAL)
def test_an_offer_is_read_as_text_and_as_it_was_parsed(text: str) -> None:
    parsed = parse_offer(text)
    assert read_offer(text.encode()) == read_offer(encode(parsed)) == parsed


def test_a_fragment_is_read_as_text_and_as_it_was_parsed() -> None:
    parsed = parse_fragment(FRAGMENT)
    assert parsed != Fragment()
    assert read_fragment(FRAGMENT.encode()) == read_fragment(encode(parsed)) == parsed


def test_wrong_text_is_refused_as_a_client_s() -> None:
    for read, code in ((read_offer, ErrorCode.INVALID_SDP), (read_fragment, ErrorCode.INVALID_FRAGMENT)):
        with pytest.raises(ServiceError) as error:
            read(b"v=\x00\xff")
        assert error.value.code is code


def test_what_is_neither_is_no_message() -> None:
    for read in (read_offer, read_fragment):
        with pytest.raises(DecodeError):
            read(b"\xff")
