"""Clients that come over TCP do all that others do, and no harm: real ICE, DTLS and SRTP."""

from typing import cast

import pytest

from media.transport.address import TcpAddress
from media.transport.ice import CONSENT_SECONDS
from media.transport.tcp import TcpPort
from media.worker.session_list import SessionList
from shared.messages.sessions import ListSessions
from shared.messages.signalling import CloseRoom, Role
from shared.sdp.fragment import parse_fragment
from tests.support.peer import IN_TIME
from tests.support.plane import Plane
from tests.support.tcp_peer import Stream, TcpPeer, tcp_candidate
from tests.support.waiting import eventually


async def connected(plane: Plane, *, publishes: bool) -> TcpPeer:
    return cast(TcpPeer, await plane.connected(publishes=publishes, tcp=True))


def stream_of(peer: TcpPeer) -> Stream:
    assert peer.stream is not None
    return peer.stream


def port(plane: Plane) -> TcpPort:
    return cast(TcpPort, plane.ports.tcp)


@pytest.mark.parametrize("publishes_by_tcp", [True, False])
async def test_media_goes_from_each_transport_to_each(plane: Plane, publishes_by_tcp: bool) -> None:
    publisher = await plane.connected(publishes=True, tcp=publishes_by_tcp)
    viewers = [await plane.connected(publishes=False, tcp=tcp) for tcp in (True, False)]
    for viewer in viewers:
        await viewer.gets_media_of(publisher)
    assert viewers[0].rtp[-4:] == viewers[1].rtp[-4:]
    listed = await SessionList(plane.media.roster).list_sessions(ListSessions())
    assert sorted(one.transport for one in listed.sessions) == sorted(
        ["tcp", "udp", "tcp" if publishes_by_tcp else "udp"]
    )
    assert len(port(plane)) == 1 + publishes_by_tcp


async def test_candidates_of_tcp_are_behind_those_of_udp(plane: Plane) -> None:
    answer = (await plane.ask(plane.peer(publishes=True), publishes=True)).sdp
    section = answer.split("m=")[1]
    udp, tcp = [line for line in section.split("\r\n") if line.startswith("a=candidate:")]
    (host, number) = plane.ports.addresses[0][:2]
    assert udp.endswith(f"{host} {number} typ host")
    assert tcp.endswith(f"127.0.0.1 {port(plane).number} typ host tcptype passive")
    assert " tcp " in tcp
    assert int(udp.split()[3]) > int(tcp.split()[3])
    assert section.startswith(f"audio {number} ")


async def test_a_client_whose_connection_broke_comes_back_by_another(plane: Plane) -> None:
    publisher, viewer = await plane.connected(publishes=True), await connected(plane, publishes=False)
    await viewer.gets_media_of(publisher)
    before = plane.session(viewer).ice.selected
    stream_of(viewer).close()
    await eventually("it is gone", lambda: len(port(plane)) == 0, IN_TIME)
    publisher.send_media()  # to nobody
    await viewer.move()
    assert await viewer.check()
    await viewer.gets_media_of(publisher)
    after = plane.session(viewer).ice.selected
    assert isinstance(after, TcpAddress)
    assert after != before


async def test_a_client_goes_from_udp_to_tcp_and_back(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    answer = plane.answers[id(viewer)].sdp
    by_tcp = cast(TcpPeer, plane.peer(publishes=False, tcp=True))
    by_tcp.local, by_tcp._inbound, by_tcp._outbound = viewer.local, viewer._inbound, viewer._outbound
    await by_tcp.take(answer)
    assert await by_tcp.check()
    await by_tcp.gets_media_of(publisher)
    assert await viewer.check()
    await viewer.gets_media_of(publisher)


@pytest.mark.parametrize("role", Role)
async def test_ice_restarts_over_another_connection(plane: Plane, role: Role) -> None:
    publisher = await connected(plane, publishes=True)
    viewer = await connected(plane, publishes=False)
    peer = publisher if role is Role.PUBLISH else viewer
    peer.local = plane.peer(publishes=False).local
    credentials = f"a=ice-ufrag:{peer.local.ufrag}\r\na=ice-pwd:{peer.local.password}\r\n"
    text = f"{credentials}m=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    patched = await plane.patch(peer, role, text, "*")
    assert tcp_candidate(patched.fragment or "") == ("127.0.0.1", port(plane).number)
    fragment = parse_fragment(patched.fragment or "")
    peer.use_credentials(fragment.ice_ufrag or "", fragment.ice_pwd or "")
    await peer.move()
    assert await peer.check()
    await viewer.gets_media_of(publisher)


async def test_a_connection_belongs_to_its_session_only(plane: Plane) -> None:
    """Whoever may read and write one client's connection has that client's media, not another's."""
    publisher, viewer = await plane.connected(publishes=True), await connected(plane, publishes=False)
    other = plane.peer(publishes=False)
    await other.take((await plane.ask(other, publishes=False)).sdp)
    stream_of(viewer).send(bytes(other.new_check()))
    await viewer.gets_media_of(publisher)
    assert not isinstance(plane.session(other).ice.selected, TcpAddress)
    assert await viewer.check()


@pytest.mark.parametrize("how", ["deleted", "consent", "admin"])
async def test_a_session_that_ends_closes_its_connections(plane: Plane, how: str) -> None:
    await plane.connected(publishes=True)
    peer = await connected(plane, publishes=False)
    extra = await Stream.open(stream_of(peer)._transport.get_extra_info("peername"))  # type: ignore[union-attr]
    extra.send(bytes(peer.new_check(nominate=False)))
    await eventually("both are its own", lambda: len(extra.came) > 0, IN_TIME)
    if how == "deleted":
        await plane.delete(peer, Role.PLAY)
    elif how == "consent":
        plane.tick(CONSENT_SECONDS + 1)
    else:
        await plane.handlers.close_room(CloseRoom(room="demo"))
    await stream_of(peer).ended()
    await extra.ended()
    assert peer.closed
    await eventually("no connection is left", lambda: len(port(plane)) == 0, IN_TIME)
