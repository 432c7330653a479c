"""What every answer says of our transport, whoever it is for."""

import pytest

from media.negotiation.negotiate import negotiate_play, negotiate_publish
from shared.sdp.offer import parse_offer
from tests.support.fat_offers import FAT, calls_of
from tests.support.sdp import LOCAL, audio, codec, offer, read_answer, video
from tests.unit.media.negotiation.rooms import DATA_CHANNEL, publish, room


def test_the_answer_describes_our_transport_in_every_section() -> None:
    _, answer = publish([*audio(), "a=rtcp-rsize"], video(), DATA_CHANNEL, bundle="0 1 data")
    parsed = read_answer(answer)
    assert parsed.group[0].semantic == "BUNDLE"
    assert parsed.group[0].items == ["0", "1"]
    assert [(media.kind, media.port) for media in parsed.media] == [
        ("audio", 7100),
        ("video", 7100),
        ("application", 0),
    ]
    for media in parsed.media[:2]:
        assert media.host == "192.0.2.7"
        assert media.rtcp_mux
        assert media.ice.iceLite
        assert (media.ice.usernameFragment, media.ice.password) == (LOCAL.ice_ufrag, LOCAL.ice_pwd)
        assert [(print_.algorithm, print_.value) for print_ in media.dtls.fingerprints] == [
            ("sha-256", LOCAL.fingerprint)
        ]
        assert [(candidate.ip, candidate.port) for candidate in media.ice_candidates] == [
            ("192.0.2.7", 7100),
            ("2001:db8::7", 7100),
        ]
        assert media.ice_candidates[0].priority > media.ice_candidates[1].priority
        assert media.ice_candidates_complete
    assert answer.count("a=rtcp-rsize") == 1


@pytest.mark.parametrize(
    ("offered", "role"), [("actpass", "server"), ("active", "server"), ("passive", "client")]
)
def test_we_are_the_dtls_server_unless_the_peer_insists(offered: str, role: str) -> None:
    lines = [line.replace("a=setup:actpass", f"a=setup:{offered}") for line in audio()]
    assert read_answer(publish(lines, bundle="0")[1]).media[0].dtls.role == role


def test_a_single_section_without_bundle_or_mid_is_answered_alike() -> None:
    answer = publish(audio(mid=None), bundle=None)[1]
    assert "a=group" not in answer
    assert "a=mid" not in answer


def test_mixed_header_extensions_are_taken_where_offered() -> None:
    assert "extmap-allow-mixed" not in publish(audio(), bundle="0")[1]
    assert "a=extmap-allow-mixed\r\n" in publish([*audio(), "a=extmap-allow-mixed"], bundle="0")[1]


def test_an_ipv6_worker_says_so() -> None:
    local = type(LOCAL)(
        ice_ufrag="abcd", ice_pwd="p" * 22, fingerprint=LOCAL.fingerprint, candidates=(("2001:db8::7", 7100),)
    )
    _, answer = negotiate_publish(parse_offer(offer(audio(), bundle="0")), local)
    assert "c=IN IP6 2001:db8::7\r\n" in answer


@pytest.mark.parametrize("text", FAT.values(), ids=FAT)
def test_the_fattest_offers_are_answered_briefly_and_with_little_work(text: str) -> None:
    tracks = room(codec("H264", profile_level_id="42e01f", packetization_mode="0"), codec("opus"))
    publishes, plays = parse_offer(text), parse_offer(text.replace("sendonly", "recvonly"))
    for answer in (
        lambda: negotiate_publish(publishes, LOCAL)[1],
        lambda: negotiate_play(plays, tracks, LOCAL, "demo")[1],
    ):
        assert len(answer()) < 8192
        assert calls_of(answer) < 5000
