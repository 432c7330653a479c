"""One socket's datagrams find their sessions, and what is nobody's does nothing."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import cast

import pytest
from aioice import stun as other_stun
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.sequence import SequenceTranslator
from media.rtp.srtp import SrtpKeys
from media.sessions.demux import MAX_ADDRESSES, Demux
from media.sessions.session import Session
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.tracks.sent_track import SentTrack
from media.tracks.source_track import SourceTrack
from media.transport.address import Address
from media.transport.ice import HOLD_SECONDS, CheckResult, Credentials, IceLite, new_credentials
from media.transport.stun import BindingRequest
from tests.support.far_end import far_sender, new_keys, rtp

HOME: Address = ("192.0.2.1", 5000)
OTHER: Address = ("192.0.2.2", 5000)
REMOTE = "peer"


@dataclass(eq=False)
class Endpoint:
    """What the demux sees of a session: its real ICE agent, and where its datagrams go."""

    local: Credentials = field(default_factory=new_credentials)
    feed: Feed | None = None
    dtls: list[bytes] = field(default_factory=list)
    media: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ice = IceLite(self.local, REMOTE, 0.0)

    def receive_check(self, request: BindingRequest, source: Address, now: float) -> CheckResult:
        return self.ice.receive_check(request, source, now)

    def receive_dtls(self, datagram: bytes) -> None:
        self.dtls.append(datagram)

    def receive_media(self, datagram: bytes, _now: float) -> Feed | None:
        self.media.append(datagram)
        return self.feed


class Socket:
    """A demux with what it sent and what it took from its sessions."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Address]] = []
        self.rtcp: list[tuple[Feed, bytes]] = []
        self.switch = PacketSwitch(lambda *_: None)
        self.demux = Demux(lambda data, address: self.sent.append((data, address)))

    def add(self, endpoint: Endpoint | None = None) -> Endpoint:
        endpoint = endpoint or Endpoint()
        self.demux.add(cast(Session, endpoint))
        return endpoint

    def remove(self, endpoint: Endpoint) -> None:
        self.demux.remove(cast(Session, endpoint))

    def receive(self, *datagrams: bytes, source: Address = HOME) -> None:
        now = monotonic()
        media = self.demux.sort([(datagram, source) for datagram in datagrams], now)
        self.rtcp += self.switch.receive(media, now).rtcp

    def check(
        self,
        endpoint: Endpoint,
        source: Address = HOME,
        *,
        password: str | None = None,
        ufrag: str | None = None,
        nominate: bool = True,
    ) -> other_stun.Message | None:
        """The answer to a check from `source`, if there was one."""
        before = len(self.sent)
        username = f"{ufrag or endpoint.local.ufrag}:{REMOTE}"
        request = other_stun.Message(
            other_stun.Method.BINDING,
            other_stun.Class.REQUEST,
            attributes={"USERNAME": username, "PRIORITY": 1, "ICE-CONTROLLING": 2},
        )
        if nominate:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity((password or endpoint.local.password).encode())
        self.receive(bytes(request), source=source)
        if len(self.sent) == before:
            return None
        data, address = self.sent[-1]
        assert address == source
        return other_stun.parse_message(data)

    def holds_nothing(self) -> bool:
        return len(self.demux) == 0


def fall_silent(endpoint: Endpoint) -> None:
    endpoint.ice.heard_at -= HOLD_SECONDS


def is_success(answer: other_stun.Message | None) -> bool:
    return answer is not None and answer.message_class is other_stun.Class.RESPONSE


# --- by the first byte (RFC 7983)


@pytest.mark.parametrize(
    ("firsts", "queue"),
    [
        (range(4, 20), None),
        (range(20, 64), "dtls"),
        (range(64, 128), None),
        (range(128, 192), "media"),
        (range(192, 256), None),
    ],
)
def test_the_first_byte_tells_what_a_datagram_is(firsts: range, queue: str | None) -> None:
    socket, endpoint = Socket(), Endpoint()
    socket.add(endpoint)
    socket.check(endpoint)
    datagrams = [bytes((first, 1, 2)) for first in firsts]
    socket.receive(*datagrams)
    arrived = {"dtls": endpoint.dtls, "media": endpoint.media}
    assert arrived == {"dtls": [], "media": []} | ({queue: datagrams} if queue else {})
    assert len(socket.sent) == 1


def test_an_empty_datagram_is_nothing() -> None:
    socket = Socket()
    socket.check(socket.add())
    socket.receive(b"")


# --- by address


def test_an_address_belongs_to_the_session_whose_check_came_from_it() -> None:
    socket = Socket()
    first, second = socket.add(), socket.add()
    assert is_success(socket.check(first, HOME))
    assert is_success(socket.check(second, OTHER))
    socket.receive(b"\x16first", source=HOME)
    socket.receive(b"\x16second", source=OTHER)
    socket.receive(b"\x16nobody's", source=("192.0.2.3", 5000))
    assert (first.dtls, second.dtls) == ([b"\x16first"], [b"\x16second"])


def test_a_check_with_a_wrong_password_teaches_no_address() -> None:
    socket = Socket()
    endpoint = socket.add()
    answer = socket.check(endpoint, password="x" * 24)
    assert answer is not None
    assert answer.attributes["ERROR-CODE"][0] == 401
    socket.receive(b"\x16", b"\x80")
    assert (endpoint.dtls, endpoint.media) == ([], [])


def test_a_check_for_nobody_is_not_answered() -> None:
    """Nothing to learn for a scanner, and nothing to reflect."""
    socket = Socket()
    assert socket.check(socket.add(), ufrag="unknown") is None


def test_the_address_of_a_peer_that_is_heard_is_nobody_elses() -> None:
    """A check that seems to come from there would take its media away, and have another's sent to it."""
    socket = Socket()
    victim, thief = socket.add(), socket.add()
    socket.check(victim)
    assert socket.check(thief) is None
    assert thief.ice.selected is None
    socket.receive(b"\x16")
    assert (victim.dtls, thief.dtls) == ([b"\x16"], [])


def test_an_address_that_a_peer_has_left_is_free() -> None:
    socket = Socket()
    former, latter = socket.add(), socket.add()
    socket.check(former)
    socket.check(former, OTHER)
    assert is_success(socket.check(latter))
    socket.receive(b"\x16")
    assert (former.dtls, latter.dtls) == ([], [b"\x16"])


def test_the_latest_session_to_prove_itself_has_the_address_of_one_that_is_silent() -> None:
    socket = Socket()
    former, latter = socket.add(), socket.add()
    socket.check(former)
    fall_silent(former)
    socket.check(latter)
    socket.receive(b"\x16")
    assert (former.dtls, latter.dtls) == ([], [b"\x16"])
    socket.remove(former)
    socket.receive(b"\x16")
    assert len(latter.dtls) == 2
    socket.remove(latter)
    assert socket.holds_nothing()


def test_two_sessions_may_take_an_address_from_each_other_for_ever() -> None:
    socket = Socket()
    pair = socket.add(), socket.add()
    for _ in range(5 * MAX_ADDRESSES):
        for endpoint in pair:
            assert is_success(socket.check(endpoint))
            socket.receive(b"\x16")
            fall_silent(endpoint)
    assert [len(endpoint.dtls) for endpoint in pair] == [5 * MAX_ADDRESSES] * 2
    for endpoint in pair:
        socket.remove(endpoint)
    assert socket.holds_nothing()


def test_a_session_has_so_many_addresses_and_keeps_the_one_it_uses() -> None:
    socket = Socket()
    endpoint = socket.add()
    socket.check(endpoint, HOME)
    for port in range(1, 100):
        assert is_success(socket.check(endpoint, ("192.0.2.9", port), nominate=False))
    assert len(socket.demux._by_address) == MAX_ADDRESSES
    socket.receive(b"\x16used", source=HOME)
    socket.receive(b"\x16oldest", source=("192.0.2.9", 1))
    socket.receive(b"\x16newest", source=("192.0.2.9", 99))
    assert endpoint.dtls == [b"\x16used", b"\x16newest"]
    socket.remove(endpoint)
    assert socket.holds_nothing()


# --- by ufrag


def test_after_a_restart_both_ufrags_work_and_then_the_new_one() -> None:
    socket = Socket()
    endpoint = socket.add()
    socket.check(endpoint)
    old = endpoint.local
    new = endpoint.local = new_credentials()
    endpoint.ice.restart(new, REMOTE)
    socket.add(endpoint)
    assert is_success(socket.check(endpoint, ufrag=old.ufrag, password=old.password))
    assert is_success(socket.check(endpoint, OTHER))
    assert not is_success(socket.check(endpoint, ufrag=old.ufrag, password=old.password))
    socket.receive(b"\x16", source=OTHER)
    assert endpoint.dtls
    socket.remove(endpoint)
    assert socket.holds_nothing()


def test_any_number_of_restarts_leaves_two_ufrags() -> None:
    socket = Socket()
    endpoint = socket.add()
    for _ in range(100):
        endpoint.ice.restart(new_credentials(), REMOTE)
        socket.add(endpoint)
    assert len(socket.demux._by_ufrag) == 2
    socket.remove(endpoint)
    assert socket.holds_nothing()


def test_an_ended_session_is_not_found_any_more() -> None:
    socket = Socket()
    endpoint = socket.add()
    socket.check(endpoint)
    socket.remove(endpoint)
    assert socket.holds_nothing()
    assert socket.check(endpoint) is None
    socket.receive(b"\x16", b"\x80")
    assert (endpoint.dtls, endpoint.media) == ([], [])


# --- media


def publisher(socket: Socket, keys: SrtpKeys) -> Endpoint:
    feed = Feed(sent=[SentTrack(1)], sources=[SourceTrack(96, 90_000, SequenceTranslator(1, 0))])
    socket.switch.open_source(feed, keys)
    endpoint = socket.add(Endpoint(feed=feed))
    socket.check(endpoint)
    return endpoint


def test_a_publishers_media_goes_through_the_switch_and_its_rtcp_comes_out() -> None:
    socket, keys = Socket(), new_keys()
    feed = publisher(socket, keys).feed
    assert feed
    sender = far_sender(keys)
    report = bytes.fromhex("80c9000100000001")
    socket.receive(sender.protect(rtp(1)), sender.protect_rtcp(report), sender.protect(rtp(2)))
    assert feed.rx_packets == 2
    assert socket.rtcp == [(feed, report)]


def test_a_batch_with_garbage_of_others_loses_nothing() -> None:
    socket, keys = Socket(), new_keys()
    feed = publisher(socket, keys).feed
    hostile = socket.add()
    socket.check(hostile, OTHER)
    sender = far_sender(keys)
    make: list[Callable[[], tuple[bytes, Address]]] = [
        lambda: (sender.protect(rtp(next(numbers))), HOME),
        lambda: (b"\x80" + os.urandom(1800), HOME),
        lambda: (b"\x80\xc8" + os.urandom(1800), HOME),
        lambda: (b"\xbf" + os.urandom(3), HOME),
        lambda: (b"\x16" + os.urandom(1800), OTHER),
        lambda: (b"\x00\x01" + os.urandom(40), OTHER),
        lambda: (b"", OTHER),
    ]
    numbers = iter(range(100))
    socket.switch.receive(
        socket.demux.sort([one() for _ in range(20) for one in make], monotonic()), monotonic()
    )
    assert feed
    assert feed.rx_packets == 20


@given(st.lists(st.tuples(st.binary(max_size=80), st.sampled_from((HOME, OTHER))), max_size=20))
def test_whatever_arrives_nothing_is_raised_or_answered(batch: list[tuple[bytes, Address]]) -> None:
    socket = Socket()
    feed = publisher(socket, new_keys()).feed
    assert feed
    sent = len(socket.sent)
    socket.switch.receive(socket.demux.sort(batch, monotonic()), monotonic())
    assert len(socket.sent) == sent
    assert (feed.rx_packets, socket.rtcp) == (0, [])
    assert list(socket.demux._by_address) == [HOME]
