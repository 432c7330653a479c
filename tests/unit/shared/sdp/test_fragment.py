"""Trickle fragments: odd ones are accepted, and clients can read the answer to a restart."""

import re

import pytest

from shared.errors import ErrorCode, ServiceError
from shared.sdp.fragment import Fragment, build_fragment, parse_fragment

UFRAG, PWD = "EsAw", "P2uYro0UCOQ4zxjKXaWCBui1"


def test_the_fragment_of_rfc_9725_is_read() -> None:
    text = (
        f"a=group:BUNDLE 0 1\r\na=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PWD}\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
        "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r\n"
        "a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0\r\n"
        "a=end-of-candidates\r\n"
    )
    fragment = parse_fragment(text)
    assert (fragment.ice_ufrag, fragment.ice_pwd) == (UFRAG, PWD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Meetecho's whip-client: the kind does not match the mid
        (
            f"a=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PWD}\r\nm=audio 9 RTP/AVP 0\r\na=mid:video0\r\n"
            "a=candidate:1 1 UDP 2015363327 192.0.2.2 57028 typ host\r\n",
            (UFRAG, PWD),
        ),
        # no media line, credentials below the candidates, lines of other kinds and of none
        (f"a=candidate:x\na=end-of-candidates\na=new:1\n\n?\na=ice-ufrag:{UFRAG}\n", (UFRAG, None)),
        # credentials in every section: the first ones count
        (
            f"m=a\r\na=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PWD}\r\nm=b\r\na=ice-ufrag:!\r\na=ice-pwd:!\r\n",
            (UFRAG, PWD),
        ),
        ("a=end-of-candidates\r\n", (None, None)),
        ("a=mid:0\r\n", (None, None)),
    ],
)
def test_odd_fragments_are_taken(text: str, expected: tuple[str | None, str | None]) -> None:
    fragment = parse_fragment(text)
    assert (fragment.ice_ufrag, fragment.ice_pwd) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        '{"candidate": ""}',
        "a=ice-ufrag:abc\r\n",
        "a=ice-ufrag:\r\n",
        f"a=ice-ufrag:{'x' * 257}\r\n",
        "a=ice-ufrag:a b c d\r\n",
        f"a=ice-ufrag:{UFRAG}\r\na=ice-pwd:tooshort\r\n",
        f"a=ice-ufrag:{UFRAG}\x00\r\n",
        "a=x\ra=y\r\n",
        "a=candidate:" + "x" * (64 << 10),
        "a=candidate:\n" * 513,
    ],
)
def test_what_is_no_fragment_is_refused(text: str) -> None:
    with pytest.raises(ServiceError) as caught:
        parse_fragment(text)
    assert caught.value.code is ErrorCode.INVALID_FRAGMENT
    assert caught.value.detail


def test_the_answer_to_a_restart_is_one_that_clients_read() -> None:
    text = build_fragment("newf", PWD, [("192.0.2.7", 7100)], kind="audio", mid="0")
    # the way the npm client `whip-whep` looks for them
    assert re.search("a=ice-ufrag:(.*)\r\n", text)[1] == "newf"  # type: ignore[index]
    assert re.search("a=ice-pwd:(.*)\r\n", text)[1] == PWD  # type: ignore[index]
    assert text.index("m=audio ") < text.index("a=mid:0\r\n") < text.index("a=candidate:")
    candidate = "a=candidate:1 1 udp 2130706431 192.0.2.7 7100 typ host"
    assert text.endswith(f"\r\n{candidate}\r\na=end-of-candidates\r\n")
    assert parse_fragment(text) == Fragment(ice_ufrag="newf", ice_pwd=PWD)
