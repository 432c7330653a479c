"""A run towards its viewers: what each of them gets, byte for byte."""

from collections.abc import Sequence

import pytest

from media.rtp.libsrtp import MAX_PACKET
from media.rtp.packet import parse
from media.rtp.run import MOST_PACKETS, Run
from media.rtp.srtp import GCM_TAG, Profile
from media.switch.viewer import Place
from media.switch.wire import Wire
from media.transport.address import MAX_DATAGRAM
from tests.support.audience import Audience, video
from tests.support.far_end import BOTH_PROFILES, one_byte, rtp
from tests.support.published import AUDIO, VIDEO
from tests.support.runs import run_of
from tests.support.world import SSRCS

pytestmark = pytest.mark.usefixtures("each_sender")


def of(track: int, first: int, *packets: bytes) -> Run:
    """As the room has numbered them."""
    return run_of(*packets, track=track, ssrc=SSRCS[track], first=first)


def sound() -> Run:
    return of(AUDIO, 1, rtp(1, b"sound", timestamp=900))


# --- what a viewer gets


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_a_viewer_gets_the_rooms_numbers_on_its_own_wire(profile: Profile) -> None:
    audience = Audience([Wire(101, {3: 7, 4: 8}), Wire(9, {})])
    viewer = audience.join(profile)
    source = rtp(
        40000,
        b"data",
        payload_type=96,
        ssrc=5,
        marker=True,
        padding=4,
        csrcs=(1, 2),
        timestamp=1234,
        extension=one_byte((1, b"gone"), (3, b"kept"), (4, b"!")),
    )
    audience.send(of(VIDEO, 77, source))
    assert audience.received(viewer) == [
        rtp(
            77,
            b"data",
            payload_type=101,
            ssrc=SSRCS[VIDEO],
            marker=True,
            padding=4,
            timestamp=1234,
            extension=one_byte((7, b"kept"), (8, b"!")),
        )
    ]


def test_all_viewers_of_a_profile_get_the_same_and_each_under_its_own_keys() -> None:
    audience = Audience()
    viewers = [audience.join(profile) for profile in BOTH_PROFILES * 3]
    audience.send(video(7), sound(), video(5, first=8, size=300))
    sent = {viewer.address: list(audience.sends.datagrams[viewer.address]) for viewer in viewers}
    assert len({tuple(datagrams) for datagrams in sent.values()}) == len(viewers)
    assert len({tuple(audience.received(viewer)) for viewer in viewers}) == 1


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_viewers_with_numbers_of_their_own_get_what_the_others_get(profile: Profile) -> None:
    """Two have changed together, and so have the same numbers; one has changed before, one never."""
    audience = Audience([Wire(96, {5: 5}), Wire(111, {})])
    viewers = [audience.join(profile) for _ in range(4)]
    audience.send(video(3))
    changes = {0: (10, 90), 2: (10, 90), 3: (8, 4000)}  # the next picture's index, and a shift
    for place, (index, shift) in changes.items():
        viewer = viewers[place]
        audience.profiles[VIDEO].remove(viewer)
        viewer.leave(VIDEO, SSRCS[VIDEO])
        viewer.take(Place(VIDEO, index, shift), SSRCS[VIDEO])
        audience.profiles[VIDEO].add(viewer)
    late = 0xFFFFFFFF
    plain = [
        of(VIDEO, 10, rtp(1, bytes(500), extension=one_byte((5, b"x")), timestamp=late)),
        sound(),
        of(VIDEO, 11, rtp(2, bytes(300), timestamp=late)),
    ]
    for viewer in viewers:
        audience.received(viewer)
    audience.send(*plain)
    got = [[parse(packet) for packet in audience.received(viewer)] for viewer in viewers]
    numbers = [[(packet.sequence, packet.timestamp) for packet in packets] for packets in got]
    changed, never = [(4, 89), (1, 900), (5, 89)], [(10, 0xFFFFFFFF), (1, 900), (11, 0xFFFFFFFF)]
    assert numbers == [changed, never, changed, [(6, 3999), (1, 900), (7, 3999)]]
    assert {tuple((packet.payload, packet.extensions) for packet in packets) for packets in got} == {
        tuple((run.packet(0).payload, run.packet(0).extensions) for run in plain)
    }


@pytest.mark.parametrize(("offset", "shift"), [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_viewer_has_numbers_of_its_own_from_the_first_packet_on(offset: int, shift: int) -> None:
    audience = Audience()
    viewer = audience.join()
    viewer.offsets, viewer.shifts = (offset, 0), (shift, 0)
    audience.send(of(VIDEO, 5, rtp(timestamp=900)))
    [packet] = map(parse, audience.received(viewer))
    assert (packet.sequence, packet.timestamp) == (5 - offset, 900 + shift)


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_a_viewer_without_a_track_gets_the_other(profile: Profile) -> None:
    audience = Audience([None, Wire(8, {})])
    viewer = audience.join(profile)
    audience.send(video(3), sound(), video(3, first=4))
    assert audience.received(viewer) == [rtp(1, b"sound", payload_type=8, ssrc=SSRCS[AUDIO], timestamp=900)]
    assert viewer.sent(VIDEO) == (0, 0)
    assert viewer.sent(AUDIO) == (1, 5)


# --- beginning and wrapping


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_late_packets_from_before_a_viewer_joined_are_not_for_it(profile: Profile) -> None:
    audience = Audience()
    early = audience.join(profile)
    audience.send(video(5, first=10))
    late = audience.join(profile, next_indexes=(15, 1))
    audience.send(video(1, first=9), video(2, first=15))
    audience.send(video(1, first=8))
    audience.send(video(1, first=17))
    assert [parse(p).sequence for p in audience.received(early)] == [10, 11, 12, 13, 14, 9, 15, 16, 8, 17]
    assert [parse(p).sequence for p in audience.received(late)] == [15, 16, 17]


# --- in which sends it leaves


def sends_of(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """`(segment size, segments)` of each send to one viewer, for payloads of these sizes."""
    audience = Audience()
    viewer = audience.join()
    audience.send(of(VIDEO, 1, *[rtp(n, bytes(size)) for n, size in enumerate(sizes, 1)]))
    assert [len(packet) - 12 for packet in audience.received(viewer)] == list(sizes)
    return [(size, count) for _, size, count in audience.sends.calls]


OVERHEAD = 12 + GCM_TAG


@pytest.mark.parametrize(
    ("sizes", "sends"),
    [
        ([1000], [(1000, 1)]),
        ([1000] * 10, [(1000, 10)]),
        ([1000, 1000, 400], [(1000, 3)]),
        ([1000, 400, 1000], [(1000, 2), (1000, 1)]),
        ([400, 1000, 1000], [(400, 1), (1000, 2)]),
        ([1000, 400, 400], [(1000, 2), (400, 1)]),
        ([3, 2, 1], [(3, 2), (1, 1)]),
        ([0, 0], [(0, 2)]),
        ([900] * MOST_PACKETS, [(900, MOST_PACKETS)]),
        # 54 datagrams of 1,200 bytes are the most below the limit
        ([1200 - OVERHEAD] * MOST_PACKETS, [(1200 - OVERHEAD, 54), (1200 - OVERHEAD, 10)]),
    ],
)
def test_packets_of_one_size_leave_in_one_send(sizes: list[int], sends: list[tuple[int, int]]) -> None:
    assert sends_of(sizes) == [(size + OVERHEAD, count) for size, count in sends]


def test_a_full_run_of_the_longest_packets_fits() -> None:
    """Header extensions grow most when all of their elements are of one byte."""
    audience = Audience([Wire(96, {1: 200}), None])
    viewers = [audience.join(profile) for profile in BOTH_PROFILES]
    sha1_tag = 10
    words = (MAX_DATAGRAM - 16 - sha1_tag) // 4
    elements = [(1, b"x")] * (2 * words)
    longest = rtp(payload=b"", extension=one_byte(*elements))
    assert MAX_DATAGRAM - sha1_tag - len(longest) < 4
    audience.send(of(VIDEO, 1, *[longest] * MOST_PACKETS))
    for viewer in viewers:
        received = audience.received(viewer)
        assert len(received) == MOST_PACKETS
        assert MAX_PACKET - 64 < len(received[0]) + GCM_TAG <= MAX_PACKET
        assert all(len(parse(packet).extensions) == len(elements) for packet in received)
