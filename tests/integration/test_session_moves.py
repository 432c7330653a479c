"""A session goes on when its client restarts ICE (RFC 9725 4.3.3) or gets another address."""

import pytest

from media.rtp.rtcp import pli, receiver_report
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.sdp.fragment import parse_fragment
from tests.support.peer import IN_TIME, Peer
from tests.support.plane import Plane
from tests.support.waiting import eventually

REPORT = receiver_report(7, [])
STALE = ('"old"', "old", "")  # of If-Match
TRICKLE = (
    "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n"
)


def fragment_of(peer: Peer) -> str:
    return TRICKLE.format(ufrag=peer.local.ufrag, password=peer.local.password)


async def test_trickle_is_taken(plane: Plane) -> None:
    publisher = plane.peer(publishes=True)
    etag = (await plane.ask(publisher, publishes=True)).etag
    for if_match in (None, "*", '"*"', f'"{etag}"', f'"other", "{etag}"'):
        for fragment in (fragment_of(publisher), "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n"):
            patched = await plane.patch(publisher, Role.PUBLISH, fragment, if_match)
            assert (patched.etag, patched.fragment) == (etag, None), if_match


async def test_a_fragment_needs_its_precondition_and_a_restart_a_password(plane: Plane) -> None:
    publisher = plane.peer(publishes=True)
    await plane.ask(publisher, publishes=True)
    trickle, restart = fragment_of(publisher), fragment_of(plane.peer(publishes=True))
    for fragment, if_match, code in (
        *((text, stale, ErrorCode.PRECONDITION_FAILED) for text in (trickle, restart) for stale in STALE),
        (restart, None, ErrorCode.PRECONDITION_REQUIRED),
        # without it no new address of the client could be proven
        ("a=ice-ufrag:another\r\n", "*", ErrorCode.INVALID_FRAGMENT),
    ):
        with pytest.raises(ServiceError) as refused:
            await plane.patch(publisher, Role.PUBLISH, fragment, if_match)
        assert refused.value.code is code, (fragment, if_match)


@pytest.mark.parametrize("wildcard", [None, "*", '"*"'])
async def test_a_restart_whose_answer_was_lost_is_answered_again(plane: Plane, wildcard: str | None) -> None:
    publisher, viewer = await plane.pair()
    etag = plane.answers[id(viewer)].etag
    viewer.local = plane.peer(publishes=False).local
    restart, if_match = fragment_of(viewer), wildcard or f'"{etag}"'
    patched = await plane.patch(viewer, Role.PLAY, restart, if_match)
    assert patched.fragment
    assert await plane.patch(viewer, Role.PLAY, restart, if_match) == patched
    candidate = "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n"
    for fragment, tag in ((restart, f'"{patched.etag}"'), (candidate, if_match if wildcard else None)):
        trickled = await plane.patch(viewer, Role.PLAY, fragment, tag)  # it repeats no restart
        assert (trickled.etag, trickled.fragment) == (patched.etag, None)
    fragment = parse_fragment(patched.fragment or "")
    assert fragment.ice_ufrag
    assert fragment.ice_pwd
    viewer.use_credentials(fragment.ice_ufrag, fragment.ice_pwd)
    assert await viewer.check()
    await viewer.gets_media_of(publisher)
    if wildcard:  # who uses the answer has it
        assert (await plane.patch(viewer, Role.PLAY, restart, wildcard)).fragment is None
    with pytest.raises(ServiceError) as refused:
        await plane.patch(viewer, Role.PLAY, restart, f'"{etag}"')
    assert refused.value.code is ErrorCode.PRECONDITION_FAILED


@pytest.mark.parametrize("role", Role)
async def test_after_a_restart_media_goes_on_with_new_credentials(plane: Plane, role: Role) -> None:
    publisher, viewer = await plane.pair()
    peer = publisher if role is Role.PUBLISH else viewer
    etag = plane.answers[id(peer)].etag
    old = peer._remote_ufrag, peer._remote_password, peer.local
    peer.local = plane.peer(publishes=False).local
    patched = await plane.patch(peer, role, fragment_of(peer), f'"{etag}"')
    assert patched.etag != etag
    fragment = parse_fragment(patched.fragment or "")
    assert fragment.ice_ufrag
    assert fragment.ice_pwd
    assert "\r\na=candidate:" in (patched.fragment or "")
    new = fragment.ice_ufrag, fragment.ice_pwd, peer.local

    def use(credentials: tuple[str, str, object]) -> None:
        peer.use_credentials(*credentials[:2])
        peer.local = credentials[2]  # type: ignore[assignment]

    use(old)
    assert await peer.check()  # the old credentials work until the new ones are used
    use(new)
    assert await peer.check()
    use(old)
    assert not await peer.check()
    use(new)
    await viewer.gets_media_of(publisher)
    with pytest.raises(ServiceError):  # the old ETag is not valid any more
        await plane.patch(peer, role, fragment_of(peer), f'"{etag}"')


# --- addresses


@pytest.mark.parametrize("moving", ["publisher", "viewer"])
async def test_media_goes_on_when_an_address_changes(plane: Plane, moving: str) -> None:
    publisher, viewer = await plane.pair()
    peer = publisher if moving == "publisher" else viewer
    await peer.move()
    assert await peer.check()
    viewer.rtp.clear()
    await viewer.gets_media_of(publisher)
    assert plane.subscribers == 1


@pytest.mark.parametrize("gcm", [True, False])
async def test_a_viewer_that_reports_from_another_address_needs_no_check_there(
    plane: Plane, gcm: bool
) -> None:
    """Firefox checks each 4 to 6 s, and reports each second: its picture stood until the next check."""
    publisher = await plane.connected(publishes=True)
    viewer = await plane.connected(publishes=False, gcm=gcm)
    viewer.send_rtcp(REPORT)
    await viewer.gets_media_of(publisher)
    plane.tick(0)
    await viewer.move()
    viewer.send_rtcp(REPORT)
    viewer.rtp.clear()
    await viewer.gets_media_of(publisher)


async def test_a_viewer_is_asked_for_a_proof_with_each_report_until_it_gives_one(plane: Plane) -> None:
    """Requests may be lost, in a line that is full of what was sent before."""
    publisher, viewer = await plane.pair()
    viewer.send_rtcp(pli(7, 1))
    await viewer.gets_media_of(publisher)
    viewer.proves_address = False
    await viewer.move()
    viewer.send_rtcp(pli(7, 1))
    await eventually("it is asked", lambda: plane.session(viewer).ice.asked is not None, IN_TIME)
    for later in range(1, 30):
        plane.tick(later / 10)
    assert await publisher.check()  # meanwhile the requests have come, too
    viewer.proves_address = True
    viewer.send_rtcp(pli(7, 1))

    def has_moved() -> bool:
        plane.tick(5)
        return plane.session(viewer).ice.asked is None

    await eventually("it has moved", has_moved, IN_TIME)


async def test_from_another_address_nothing_is_taken_before_a_check(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await publisher.move()
    publisher.send_media()  # two packets from an unknown address
    assert await publisher.check()
    await viewer.gets_media_of(publisher)
    await eventually(
        "all but those arrived",
        lambda: plane.media.rooms.statuses()[0].rx_packets == publisher.sent - 2,
        IN_TIME,
    )
