"""Media at one socket goes to the room of its publisher, and garbage among it harms nothing."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.joined import Joined
from media.rtp.rtcp import receiver_report
from media.switch.feed import Feed
from media.transport.address import Address
from tests.support.demux_socket import HOME, OTHER, Endpoint, Socket
from tests.support.far_end import rtp
from tests.support.published import VIDEO
from tests.support.runs import JoinedBytes
from tests.support.world import World

REPORT = bytes.fromhex("80c9000100000001")  # a receiver report of no block


class PublisherSocket(Socket):
    """A publisher is at HOME; its room is `world`."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.publisher = self.add(Endpoint(feed=self.world.feed))
        self.check(self.publisher)

    def turn(self, batch: Sequence[tuple[bytes | Joined, Address]]) -> list[tuple[Feed, bytes]]:
        """Sort a batch and switch its media; returns the RTCP."""
        return self.world.switch.receive(self.demux.sort(batch, self.now), self.now).rtcp


def test_a_batch_with_garbage_of_others_loses_nothing() -> None:
    socket = PublisherSocket()
    hostile = socket.add()
    socket.check(hostile, OTHER)
    make: list[Callable[[], tuple[bytes, Address]]] = [
        lambda: (socket.world.publisher.packet(VIDEO), HOME),
        lambda: (b"\x80" + os.urandom(1800), HOME),
        lambda: (b"\x80\xc8" + os.urandom(1800), HOME),
        lambda: (b"\xbf" + os.urandom(3), HOME),
        lambda: (b"\x16" + os.urandom(1800), OTHER),
        lambda: (b"\x00\x01" + os.urandom(40), OTHER),
        lambda: (b"", OTHER),
    ]
    socket.turn([one() for _ in range(20) for one in make])
    assert socket.world.feed.rx_packets == 20


@given(st.lists(st.tuples(st.binary(max_size=80), st.sampled_from((HOME, OTHER))), max_size=20))
def test_whatever_arrives_nothing_is_raised_or_answered(batch: list[tuple[bytes, Address]]) -> None:
    socket = PublisherSocket()
    before, sent = socket.holds(), len(socket.sent)
    rtcp = socket.turn(batch)
    assert len(socket.sent) == sent
    assert (socket.world.feed.rx_packets, rtcp) == (0, [])
    assert socket.holds() == before
    socket.publisher.dtls.clear()
    socket.receive(b"\x16", source=HOME)
    socket.receive(b"\x16", source=OTHER)
    assert socket.publisher.dtls == [b"\x16"]


@given(st.lists(st.sampled_from((HOME, OTHER)), max_size=8))
def test_publishers_that_send_in_turns_have_each_their_own_media_in_its_order(order: list[Address]) -> None:
    socket = Socket()
    feeds = {source: Feed([], []) for source in (HOME, OTHER)}
    for source, feed in feeds.items():
        socket.check(socket.add(Endpoint(feed=feed)), source)
    sent = [(b"\x80%d" % number, source) for number, source in enumerate(order)]
    media = socket.demux.sort(sent, socket.now)
    for source, feed in feeds.items():
        got = [datagram for of, run in media if of is feed for datagram in run]
        assert got == [datagram for datagram, of in sent if of == source]


KINDS = ("rtcp", "stun", "dtls", "turn", "no RTP", "garbage", "forged")
pieces = st.lists(
    st.tuples(
        st.lists(
            st.sampled_from(["media", "media", "media", *KINDS]),
            min_size=1,
            max_size=5,
        ),
        st.sampled_from((HOME, HOME, OTHER)),
        st.booleans(),
    ),
    max_size=8,
)


@given(pieces, st.booleans())
def test_what_came_joined_is_sorted_as_its_datagrams(
    parts: list[tuple[list[str], Address, bool]], relayed: bool
) -> None:
    whole, split = PublisherSocket(), PublisherSocket()
    media = [whole.world.publisher.packet(VIDEO) for _ in range(40)]
    report = whole.world.publisher.protect_rtcp(REPORT)
    whole.world.switch.open_source(split.world.feed, whole.world.publisher.keys)
    batch: list[tuple[JoinedBytes, Address, bool]] = []
    for kinds, source, joined in parts:
        made = {"rtcp": report, "stun": b"\x00\x01xx", "dtls": b"\x16x", "garbage": b"\x80x"}
        made |= {"turn": b"\x40" + bytes(20), "no RTP": b"\xc0" + bytes(20)}
        of_part = JoinedBytes()
        for kind in kinds:
            datagram = made.get(kind) or media.pop(0)
            of_part.append(datagram[:-1] + b"?" if kind == "forged" else datagram)
        batch.append((of_part, source, joined))
    results = []
    for socket, may_join in ((whole, True), (split, False)):
        relay = Relay()
        if relayed:
            socket.demux.add_relay((7,), relay)
        came: list[tuple[bytes | Joined, Address]] = []
        for datagrams, source, joined in batch:
            came += [(datagrams, source)] if joined and may_join else [(one, source) for one in datagrams]
        received = socket.world.switch.receive(socket.demux.sort(came, socket.now), socket.now)
        feed = socket.world.feed
        counts = feed.rx_packets, feed.rx_bytes, feed.rx_dropped, feed.rx_late, feed.fault
        results.append((counts, [one for _, one in received.rtcp], socket.publisher.dtls, relay.taken))
    assert results[0] == results[1]


def test_what_a_publisher_sent_joined_stays_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next step decrypts it in one piece."""
    socket = PublisherSocket()
    publisher = socket.world.publisher
    socket.turn([(publisher.packet(VIDEO), HOME)])
    joined = JoinedBytes([publisher.packet(VIDEO), publisher.packet(VIDEO)])
    [(feed, media)] = socket.demux.sort([(joined, HOME)], socket.now)
    assert feed is socket.world.feed
    assert media is joined
    monkeypatch.setattr("media.switch.intake.groupby", None)  # by which a list is taken
    socket.world.switch.receive([(feed, media)], socket.now)
    assert (feed.rx_packets, feed.fault) == (3, None)
    mixed = JoinedBytes([publisher.packet(VIDEO), b"\x16dtls"])
    [(_, media)] = socket.demux.sort([(mixed, HOME)], socket.now)
    assert list(media) == [mixed[0]]
    assert socket.publisher.dtls == [b"\x16dtls"]


@dataclass
class Relay:
    """A relay's end: it takes what comes under its SSRC, and finds out itself what is authentic."""

    taken: list[bytes] = field(default_factory=list)
    feed: Feed | None = None  # for which the switch must process it
    fault: Exception | None = None
    breaking: bool = False

    def receive_media(self, datagram: bytes, _source: Address, _now: float) -> Feed | None:
        if self.breaking:
            raise ZeroDivisionError
        self.taken.append(datagram)
        return self.feed

    def breaks(self, fault: Exception) -> None:
        self.fault = fault


def test_a_client_that_seems_to_be_at_a_relays_address_takes_nothing_from_it() -> None:
    """Its check may carry another worker's address; the relay's packets reach the relay all the same."""
    socket, relay = Socket(), Relay()
    socket.demux.add_relay((7,), relay)
    client = socket.add()
    socket.check(client, OTHER)
    media, rtcp = rtp(1, b"media", ssrc=7), receiver_report(7, ()) + bytes(20)
    of_client = [rtp(1, b"the client's", ssrc=8), rtcp[:11], bytes((0xC0,)) + media[1:]]
    socket.receive(media, rtcp, *of_client, source=OTHER)
    assert relay.taken == [media, rtcp]
    assert client.media == of_client[:2]  # the last one is not of RTP's version


def test_a_fault_that_a_relays_packet_triggers_is_its_own() -> None:
    socket, relay = PublisherSocket(), Relay(breaking=True)
    socket.demux.add_relay((7,), relay)
    socket.turn([(rtp(1, b"x", ssrc=7), OTHER), (socket.world.publisher.packet(VIDEO), HOME)])
    assert isinstance(relay.fault, ZeroDivisionError)
    assert socket.world.feed.rx_packets == 1


def test_media_of_a_relay_goes_to_the_room_that_it_feeds() -> None:
    socket, feed = Socket(), World().feed
    socket.demux.add_relay((7,), Relay(feed=feed))
    media = [rtp(number, b"media", ssrc=7) for number in range(2)]
    assert socket.demux.sort([(one, OTHER) for one in media], socket.now) == [(feed, media)]


def test_an_ssrc_that_another_relay_has_taken_over_stays_with_it() -> None:
    """The end of the former relay comes after the beginning of the next one."""
    socket, former, present = Socket(), Relay(), Relay()
    socket.demux.add_relay((7, 8), former)
    socket.demux.add_relay((7,), present)
    socket.demux.remove_relay((7, 8), former)
    assert socket.demux.relay_count == 1
    socket.receive(rtp(1, b"media", ssrc=7), rtp(1, b"media", ssrc=8), source=OTHER)
    assert (len(present.taken), len(former.taken)) == (1, 0)
    socket.demux.remove_relay((7,), present)
    assert socket.demux.relay_count == 0
