"""What publishers and viewers are told about Opus, in whatever order and company their parameters come."""

from hypothesis import given
from hypothesis import strategies as st

from media.negotiation.negotiate import negotiate_publish
from shared.sdp.codec import parse_codecs
from shared.sdp.lines import parse_sdp
from shared.sdp.offer import parse_offer
from tests.support.sdp import LOCAL, OPUS, audio, codec, real_offer
from tests.unit.media.negotiation.rooms import play, publish, room

KEPT = {
    "minptime": st.integers(3, 120),
    "ptime": st.integers(3, 120),
    "maxptime": st.integers(3, 120),
    "maxplaybackrate": st.integers(8_000, 48_000),
    "maxaveragebitrate": st.integers(6_000, 510_000),
    "stereo": st.integers(0, 1),
    "cbr": st.integers(0, 1),
    "usedtx": st.integers(0, 1),
}
# of the sender, or not of the RFC; and wishes that make no sense
STRAY = [
    *("sprop-stereo=0", "sprop-maxcapturerate=48000", "x-google-min-bitrate=64", "useinbandfec=0", "Stereo"),
    *("unheard", "unheard=of", "=", "minptime", "usedtx=yes", "cbr=2", "stereo=-1", "maxaveragebitrate=5999"),
    *("maxaveragebitrate=9999999", "maxplaybackrate=44,1", "ptime=0", "maxptime=1e1"),
]


@given(
    wishes=st.fixed_dictionaries({}, optional=KEPT),
    stray=st.lists(st.sampled_from(STRAY), max_size=8),
    stereo=st.booleans(),
    data=st.data(),
)
def test_a_publisher_is_wished_what_it_wishes_and_correction(
    wishes: dict[str, int], stray: list[str], stereo: bool, data: st.DataObject
) -> None:
    own = [f"{name}={value}" for name, value in wishes.items()] + ["sprop-stereo=1"] * stereo
    named = {part.partition("=")[0] for part in own}
    strangers = [
        part for part in stray if part.partition("=")[0].lower() not in named
    ]  # the first one counts
    parts = data.draw(st.permutations([*own, *strangers]))
    offered = ["sprop-stereo=1" if part == "sprop-stereo=1" else part for part in parts]
    answered = told(publish(audio(*OPUS, f"a=fmtp:111 {';'.join(offered)}".strip()), bundle="0")[1])
    wanted = {name: str(value) for name, value in wishes.items()} | {"useinbandfec": "1"}
    assert answered == wanted | ({"stereo": "1"} if stereo else {})


def test_a_publisher_that_says_nothing_is_asked_for_correction_alone() -> None:
    assert told(publish(audio(), bundle="0")[1]) == {"useinbandfec": "1"}


def test_obs_sends_music_as_it_wishes() -> None:
    _, answer = negotiate_publish(parse_offer(real_offer("whip-obs-30-2-3")), LOCAL)
    music = {"minptime": "10", "maxaveragebitrate": "96000", "stereo": "1", "useinbandfec": "1"}
    assert told(answer) == music


def test_a_viewer_is_told_that_the_publisher_sends_stereo() -> None:
    stereo = room(codec("opus", sprop_stereo="1", stereo="1", maxaveragebitrate="96000", unheard="of"))
    wishes = "a=fmtp:111 minptime=10;usedtx=1;sprop-stereo=1;maxaveragebitrate=6000"
    viewer = audio(*OPUS, wishes, direction="recvonly")
    assert told(play(stereo, viewer, bundle="0")[1]) == {
        "stereo": "1",
        "useinbandfec": "1",
        "sprop-stereo": "1",
    }
    for published in ({}, {"sprop_stereo": "0"}, {"stereo": "1"}):  # it may yet be, or become, stereo
        answer = play(room(codec("opus", **published)), viewer, bundle="0")[1]
        assert told(answer) == {"stereo": "1", "useinbandfec": "1"}


def told(answer: str) -> dict[str, str]:
    """The parameters of Opus in an answer, each of which it says once."""
    (section,) = [media for media in parse_sdp(answer).media if media.kind == "audio"]
    (line,) = [line for line in answer.splitlines() if line.startswith("a=fmtp:") and "useinbandfec" in line]
    (opus,) = parse_codecs(section)
    assert len(line.split(";")) == len(opus.parameters)
    return dict(opus.parameters)
