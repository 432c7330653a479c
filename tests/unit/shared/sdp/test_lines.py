"""The grammar of SDP: what is accepted, what is refused, and that hostile text costs little."""

import re
from collections import Counter
from collections.abc import Callable

import pytest

from shared.errors import ErrorCode, ServiceError
from shared.sdp.lines import MAX_ATTRIBUTES, MAX_LINES, MAX_TEXT, host_candidates, parse_sdp
from shared.sdp.offer import parse_offer
from tests.support.fat_offers import FAT, calls_of
from tests.support.offers import REAL_OFFERS
from tests.support.sdp import TRANSPORT, audio, error_of, offer, video

MEDIA = "m=audio 9 UDP/TLS/RTP/SAVPF 111"


def refusal(text: str) -> str:
    with pytest.raises(ServiceError) as caught:
        parse_sdp(text)
    assert caught.value.code is ErrorCode.INVALID_SDP
    assert caught.value.detail is not None
    return caught.value.detail


def test_attributes_belong_to_the_session_or_to_the_media_section_above_them() -> None:
    session = "v=0\r\na=ssrc:1\r\na=ssrc: 2 \r\na=sendonly\r\na=unread:1\r\n"
    sdp = parse_sdp(f"{session}{MEDIA}\r\na=ssrc:3:4\r\nm=video 0 RTP/AVP 96 97 96\r\n")
    assert sdp.attributes.all("ssrc") == ["1", "2"]
    assert sdp.attributes.first("sendonly") == ""
    assert "mid" not in sdp.attributes
    assert sdp.attributes.first("mid") is None
    assert "unread" not in sdp.attributes
    assert [media.kind for media in sdp.media] == ["audio", "video"]
    assert sdp.media[0].attributes.all("ssrc") == ["3:4"]
    assert sdp.media[1].port == 0
    assert sdp.media[1].protocol == "RTP/AVP"
    assert sdp.media[1].formats == ("96", "97")


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_lines_may_end_with_or_without_carriage_return(end: str) -> None:
    assert parse_sdp(end.join(["v=0", MEDIA, "a=mid:0", "", ""])).media[0].attributes.first("mid") == "0"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\r\n\r\n",
        "hello",
        "v=1\r\n",
        "o=- 1 2 IN IP4 127.0.0.1\r\nv=0\r\n",
        "v=0\r\nnonsense\r\n",
        "v=0\r\nA=upper\r\n",
        "v=0\r\n =\r\n",
        "v=0\r\na\r\n",
        "v=0\ra=lone carriage return\r\n",
        "v=0\r\na=x\r\r\n",
        "v=0\r\na=nul:\x00\r\n",
        "v=0\r\na=tab:\t\r\n",
        "v=0\r\na=mid:é\r\n",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF\r\n",
        "v=0\r\nm=audio x UDP/TLS/RTP/SAVPF 0\r\n",
        "v=0\r\nm=audio -1 UDP/TLS/RTP/SAVPF 0\r\n",
        "v=0\r\nm=audio 65536 UDP/TLS/RTP/SAVPF 0\r\n",
        "v=0\r\nm=audio 99999999999999999999 UDP/TLS/RTP/SAVPF 0\r\n",
        "v=0\r\nm=audio ٩ UDP/TLS/RTP/SAVPF 0\r\n",
        "v=0\r\nm=au/dio 9 UDP/TLS/RTP/SAVPF 0\r\n",
        "v=0\r\nm=\r\n",
        '{"sdp": "v=0"}',
        "<html></html>",
    ],
)
def test_what_is_not_sdp_is_refused(text: str) -> None:
    assert refusal(text)


def test_words_for_people_may_be_in_any_script() -> None:
    assert parse_sdp(f"v=0\r\ns=Übertragung 生放送\r\n{MEDIA}\r\n").media


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("v=0\r\n" + "a=x\r\n" * 769, "too many lines in one section"),
        (f"v=0\r\n{MEDIA}\r\n" + "a=x\r\n" * 769, "too many lines in one section"),
        (f"v=0\r\n{MEDIA}\r\n" + "a=x\r\n" * 512 + "\n" * 511, "more than 1024 lines"),
        ("v=0\r\n" + f"{MEDIA}\r\n" * 17, "too many media sections"),
        (f"{MEDIA} 0 {' '.join(map(str, range(1000, 1128)))}", "more than 128 formats in one section"),
        ("a=x:" + "y" * 2048, "line 2 is not SDP"),
        ("a" * (1 << 16), "longer than 65536 characters"),
        (f"m={'x' * 33} 9 RTP/AVP 0", "line 2 is no media description"),
        (f"m=audio 9 {'x' * 33} 0", "line 2 is no media description"),
        (f"m=audio 9 {'x/' * 8}x 0", "line 2 is no media description"),
        (f"m=audio 9 RTP/AVP {'x' * 33}", "line 2 is no media description"),
        *(
            (f"a={name}\n" * (most + 1), f"more than {most} a={name} lines in one section")
            for name, most in MAX_ATTRIBUTES.items()
        ),
    ],
)
def test_more_than_an_offer_ever_needs_is_refused(text: str, detail: str) -> None:
    assert refusal(text if text.startswith("v=0") else f"v=0\n{text}") == detail


def test_the_limits_leave_real_clients_room_to_grow() -> None:
    for text in REAL_OFFERS.values():
        assert len(text) < MAX_TEXT / 4
        assert text.count("\n") < MAX_LINES / 4
        for section in text.split("\nm=")[1:]:
            names = Counter(re.findall(r"(?m)^a=([^:\r\n]+)", section))
            assert all(names[name] * 2 < most for name, most in MAX_ATTRIBUTES.items())


def test_candidates_come_in_order_of_preference_and_are_complete() -> None:
    first, second, end = host_candidates([("192.0.2.7", 7100), ("::1", 7101)])
    assert first == "a=candidate:1 1 udp 2130706431 192.0.2.7 7100 typ host"
    assert second == "a=candidate:2 1 udp 2130706175 ::1 7101 typ host"
    assert end == "a=end-of-candidates"


def _filled(line: Callable[[int], str]) -> str:
    """An offer with two sections full of `line`, far beyond every limit."""
    lines = [line(number) for number in range(4000)]
    return offer([*audio(), *lines], [*video(), *lines])


def _rejected(number: int) -> list[str]:
    return ["m=video 0 UDP/TLS/RTP/SAVPF 96", f"a=mid:r{number}", *["a=x"] * 3350]


HOSTILE = {
    "rejected sections": offer(audio(), video(), *map(_rejected, range(62))),
    "feedback for all": _filled(lambda n: "a=rtcp-fb:* nack pli"),
    "feedback": _filled(lambda n: f"a=rtcp-fb:96 x{n}"),
    "sources": _filled(lambda n: f"a=ssrc:{n} cname:x"),
    "source groups": _filled(lambda n: f"a=ssrc-group:FID {n} {n + 1}"),
    "extensions": _filled(lambda n: f"a=extmap:{n} urn:{n}"),
    "rtpmaps": _filled(lambda n: f"a=rtpmap:{n % 128} " + "x" * 80),
    "parameters": _filled(lambda n: f"a=fmtp:{n % 128} " + ";" * 80),
    "long parameters": offer(audio(), ["a=fmtp:96 " + "a=;" * 2700] * 120, video()),
    "groups": offer(audio(), video(), session=["a=group:BUNDLE " + "0 " * 120] * 4000),
    "a long group": offer(audio(), video(), session=[f"a=group:{'0 ' * 4000}"] * 120, bundle=None),
    "fingerprints": offer(audio(), video(), session=[TRANSPORT[2]] * 4000),
    "formats": offer(*[["m=audio 9 RTP/SAVPF" + " 0 1 2 3" * 1000]] * 60),
    "a long protocol": offer(["m=audio 9 " + "/".join(["RTP"] * 2000) + " 0("], audio()),
    "short lines": "v=0\n" * 262_000,
    "empty lines": "\n" * (1 << 20),
    "one attribute": "v=0\n" + "a=" * 500_000,
    "one media line": "m=" * 500_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_of_hostile_text_is_refused_at_the_first_limit(text: str) -> None:
    assert len(text) <= 1 << 20
    assert error_of(lambda: parse_offer(text)) is ErrorCode.INVALID_SDP
    assert calls_of(lambda: error_of(lambda: parse_offer(text))) < 200


@pytest.mark.parametrize("text", FAT.values(), ids=FAT)
def test_the_fattest_offers_that_are_taken_are_cheap(text: str) -> None:
    assert error_of(lambda: parse_offer(text)) is None
    assert calls_of(lambda: parse_offer(text)) < 50_000
