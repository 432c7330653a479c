"""Simulcast offers: three layers are taken, each as a track of its own."""

import pytest

from media.negotiation.agreed_tracks import LeftOut
from media.rtp.extensions import REPAIRED_RID_EXTENSION, RID_EXTENSION
from shared.sdp.sources import Sources
from tests.support.sdp import VP8, audio, video
from tests.unit.media.negotiation.rooms import RTX, publish

NAMED = (f"a=extmap:9 {RID_EXTENSION}", f"a=extmap:10 {REPAIRED_RID_EXTENSION}")


def layers(simulcast: str) -> tuple[str, ...]:
    """The lines that offer these layers."""
    names = simulcast.split("send ")[1].replace("~", "").replace(",", ";").split(";")
    return (*(f"a=rid:{name} send" for name in names), f"a=simulcast:{simulcast}")


def of_simulcast(answer: str) -> list[str]:
    return [line for line in answer.splitlines() if line.startswith(("a=rid", "a=simulcast"))]


@pytest.mark.parametrize(
    ("simulcast", "ranked", "recv"),
    [
        ("send q;h;f", "fhq", "q;h;f"),
        ("send q;h", "hq", "q;h"),
        ("send l;m;h", "hml", "l;m;h"),
        ("send low;mid;high", ("high", "mid", "low"), "low;mid;high"),
        ("send 1;0;2", "012", "1;0;2"),  # OBS
        ("send 10;9", ("9", "10"), "10;9"),
        ("send 0;1;2;3", "023", "0;1;2;3"),  # OBS: 100, 75, 50 and 25 %
        ("send 3;2;1;0", "023", "3;2;1;0"),
        ("send 0;1;2;3;4", "024", "0;1;2;3;4"),
        ("send 9;8;7;6;5;4;3;2;1", "158", "8;7;6;5;4;3;2;1"),
        ("recv x send ~one,other;~two", ("one", "two"), "one;two"),
        ("send two;one;four;three", ("two", "four", "three"), "two;one;four;three"),
        ("send f", "f", "f"),
    ],
)
def test_all_layers_are_accepted_and_the_best_the_lowest_and_one_between_are_taken(
    simulcast: str, ranked: str, recv: str
) -> None:
    tracks, answer = publish(audio(), video(*VP8, *RTX, "a=rtcp-fb:96 nack", *layers(simulcast), *NAMED))
    sound, *pictures = tracks
    assert (sound.kind, sound.rid, sound.layer) == ("audio", "", 0)
    assert [track.rid for track in pictures] == list(ranked)
    assert [track.layer for track in pictures] == list(range(len(ranked)))
    for track in pictures:
        assert (track.kind, track.mid, track.codec) == ("video", "1", pictures[0].codec)
        assert (track.codec.payload_type, track.codec.rtx) == (96, 97)
        assert track.extensions == {RID_EXTENSION: 9, REPAIRED_RID_EXTENSION: 10}
        assert track.left_out == LeftOut(rids=frozenset(recv.split(";")).difference(ranked))
    assert of_simulcast(answer) == [
        *(f"a=rid:{rid} recv" for rid in recv.split(";")),
        f"a=simulcast:recv {recv}",
    ]
    assert answer.count("m=video") == 1


def test_names_that_only_go_to_the_publisher_name_no_layers() -> None:
    """Its packets do not tell them."""
    tracks, answer = publish(
        audio(), video(*VP8, *layers("send f;h;q"), f"a=extmap:9/recvonly {RID_EXTENSION}")
    )
    assert [track.rid for track in tracks[1:]] == ["f"]
    assert RID_EXTENSION not in answer


def test_of_layers_whose_packets_do_not_tell_their_name_the_best_is_taken() -> None:
    tracks, answer = publish(video(*VP8, *layers("send q;h;f")), bundle="1")
    assert [track.rid for track in tracks] == ["f"]
    assert of_simulcast(answer) == ["a=rid:f recv", "a=simulcast:recv f"]


def test_sound_has_no_layers() -> None:
    tracks, answer = publish(
        audio("a=rtpmap:111 opus/48000/2", *layers("send l;h"), NAMED[0], "a=ssrc-group:SIM 1 2"), video()
    )
    assert [(track.kind, track.rid) for track in tracks] == [("audio", "h"), ("video", "")]
    assert of_simulcast(answer) == ["a=rid:h recv", "a=simulcast:recv h"]


@pytest.mark.parametrize("simulcast", ["", "send", "recv h", "send x", "send ;", "send h-1;l_2"])
def test_of_malformed_simulcast_nothing_is_taken(simulcast: str) -> None:
    lines = ("a=rid:h recv", "a=rid:h-1 send", "a=rid:l_2 send", "a=rid", f"a=simulcast:{simulcast}")
    tracks, answer = publish(video(*VP8, *lines, *NAMED), bundle="1")
    assert [(track.rid, track.layer) for track in tracks] == [("", 0)]
    assert of_simulcast(answer) == []


def test_layers_without_names_are_known_by_their_ssrcs_from_the_lowest_on() -> None:
    declared = (1, 2, 3, 4, 11, 12, 13, 14)
    tracks, answer = publish(
        video(
            *VP8,
            *RTX,
            "a=rtcp-fb:96 nack",
            "a=ssrc-group:SIM 1 2 3 4",
            *(f"a=ssrc-group:FID {ssrc} {ssrc + 10}" for ssrc in (1, 2, 3, 4)),
            *(f"a=ssrc:{ssrc} cname:x" for ssrc in declared),
        ),
        bundle="1",
    )
    assert [(track.rid, track.layer) for track in tracks] == [("", 0), ("", 1), ("", 2)]
    assert [track.sources for track in tracks] == [
        Sources(ssrcs=(ssrc,), repairs={ssrc + 10: ssrc}) for ssrc in (4, 2, 1)
    ]
    assert {track.left_out for track in tracks} == {LeftOut(ssrcs=frozenset({3, 13}))}
    assert "SIM" not in answer
    assert of_simulcast(answer) == []


def test_a_group_of_one_layer_is_no_simulcast() -> None:
    tracks, _ = publish(video(*VP8, "a=ssrc-group:SIM 1 1", "a=ssrc:1 cname:x"), bundle="1")
    assert [track.sources.ssrcs for track in tracks] == [(1,)]
