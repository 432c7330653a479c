"""One socket's datagrams find their sessions, and what is nobody's does nothing."""

from typing import NoReturn, cast

import pytest

from media.sessions.demux import MAX_ADDRESSES
from media.sessions.session import Session
from media.switch.feed import Feed
from media.transport.ice import HOLD_SECONDS, Credentials, new_credentials
from media.transport.stun import BINDING_SUCCESS
from tests.support.demux_socket import HOME, OTHER, REMOTE, SERVER, Endpoint, Socket, is_success

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


def test_an_answer_to_our_check_goes_to_the_session_of_its_address() -> None:
    socket = Socket()
    endpoint = socket.add()
    answer = b"\x01\x01" + bytes(18)
    socket.receive(answer)
    socket.check(endpoint, HOME)
    socket.check(endpoint, OTHER, nominate=False)
    socket.receive(answer, source=OTHER)
    socket.receive(answer, source=("192.0.2.3", 5000))
    assert endpoint.responses == [(answer, OTHER)]


def test_an_answer_that_the_worker_itself_has_asked_for_is_no_sessions() -> None:
    """Even if a client's checks seem to come from the server."""
    socket = Socket()
    endpoint = socket.add()
    assert is_success(socket.check(endpoint, SERVER))
    answer = BINDING_SUCCESS + bytes(18)
    socket.receive(answer, source=SERVER)
    socket.receive(answer, source=OTHER)
    assert socket.answers_of_servers == [(answer, SERVER)]
    assert endpoint.responses == []


# --- by the SSRC of its SRTP or SRTCP

SSRC = b"\0\0\0\x07"
REPORT = b"\x81\xc9\0\x07" + SSRC + bytes(4)
MEDIA = b"\x80\x60" + bytes(6) + SSRC


def test_a_viewer_that_reports_from_another_address_is_found_there_if_that_is_authentic() -> None:
    socket = Socket()
    viewer = socket.add()
    socket.check(viewer)
    socket.demux.sends_as(cast(Session, viewer), SSRC)
    answer, media, short = BINDING_SUCCESS + bytes(18), b"\x80\x60" + REPORT[2:], REPORT[:7]
    socket.receive(media, short, b"\x16" + REPORT[1:], REPORT + b"forged", answer, source=OTHER)
    assert viewer.strays == [(REPORT + b"forged", OTHER)]
    assert (viewer.media, viewer.responses) == ([], [])
    socket.receive(REPORT + b"ok", REPORT + b"later", answer, source=OTHER)
    assert viewer.strays[1:] == [(REPORT + b"ok", OTHER)]
    assert (viewer.media, viewer.responses) == ([REPORT + b"later"], [(answer, OTHER)])
    assert socket.owned == {HOME, OTHER}


def test_a_publisher_that_sends_media_from_another_address_is_found_there_if_that_is_authentic() -> None:
    socket = Socket()
    publisher = socket.add(Endpoint(feed=Feed([], [])))
    socket.check(publisher)
    socket.demux.sends_as(cast(Session, publisher), SSRC)
    batch = [MEDIA[:11], MEDIA + b"forged", MEDIA + b"ok", MEDIA + b"next"]
    media = socket.demux.sort([(datagram, OTHER) for datagram in batch], socket.now)
    assert publisher.strays == [(MEDIA + b"forged", OTHER), (MEDIA + b"ok", OTHER)]
    assert media == [(publisher.feed, [MEDIA + b"next"])]  # the session has passed on the first one itself
    assert socket.owned == {HOME, OTHER}


@pytest.mark.parametrize("datagram", [MEDIA, REPORT])
def test_who_forges_or_gives_many_addresses_takes_few(datagram: bytes) -> None:
    socket = Socket()
    publisher = socket.add()
    socket.check(publisher)
    socket.demux.sends_as(cast(Session, publisher), SSRC)
    before = socket.holds()
    for port in range(1, 1000):
        socket.receive(datagram + b"forged", source=("192.0.2.9", port))
    assert (socket.holds(), socket.owned) == (before, {HOME})
    for port in range(1, 1000):
        socket.receive(datagram + b"ok", source=("192.0.2.9", port))
    assert socket.holds() == before + MAX_ADDRESSES - 1
    assert HOME in socket.owned


def test_media_is_its_addresss_although_another_session_had_its_ssrc_first() -> None:
    """As of a publisher that comes back after a crash, while its former session still lives."""
    socket = Socket()
    former, present = socket.add(), socket.add()
    for publisher, address in ((former, HOME), (present, OTHER)):
        socket.check(publisher, address)
        socket.demux.sends_as(cast(Session, publisher), SSRC)
    socket.receive(MEDIA + b"ok", source=OTHER)
    assert (former.strays, present.media) == ([], [MEDIA + b"ok"])


def test_an_ssrc_is_that_of_the_first_viewer_that_has_it_until_it_leaves() -> None:
    socket = Socket()
    first, second, third = socket.add(), socket.add(), socket.add()
    for viewer in (first, second):
        socket.demux.sends_as(cast(Session, viewer), SSRC)
    socket.remove(second)
    socket.receive(REPORT, source=OTHER)
    socket.remove(first)
    socket.receive(REPORT, source=OTHER)
    socket.demux.sends_as(cast(Session, third), SSRC)
    socket.receive(REPORT, source=OTHER)
    assert [len(each.strays) for each in (first, second, third)] == [1, 0, 1]
    socket.remove(third)
    assert (socket.holds(), socket.owned) == (0, set())


def test_a_check_for_nobody_is_not_answered() -> None:
    """Nothing to learn for a scanner, and nothing to reflect."""
    socket = Socket()
    assert socket.check(socket.add(), ufrag="unknown") is None


def test_the_address_of_a_peer_that_is_heard_cannot_be_taken() -> None:
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


def test_the_address_of_a_silent_session_goes_to_the_latest_valid_check() -> None:
    socket = Socket()
    former, latter = socket.add(), socket.add()
    socket.check(former)
    socket.now += HOLD_SECONDS
    socket.check(latter)
    socket.receive(b"\x16")
    assert (former.dtls, latter.dtls) == ([], [b"\x16"])
    socket.remove(former)
    socket.receive(b"\x16")
    assert len(latter.dtls) == 2
    socket.remove(latter)
    assert socket.holds() == 0


def test_two_sessions_may_take_an_address_from_each_other_without_end() -> None:
    socket = Socket()
    pair = socket.add(), socket.add()
    for _ in range(5 * MAX_ADDRESSES):
        for endpoint in pair:
            assert is_success(socket.check(endpoint))
            socket.receive(b"\x16")
            socket.now += HOLD_SECONDS
    assert [len(endpoint.dtls) for endpoint in pair] == [5 * MAX_ADDRESSES] * 2
    assert socket.owned == {HOME}
    for endpoint in pair:
        socket.remove(endpoint)
    assert (socket.holds(), socket.owned) == (0, set())


def test_a_session_has_a_limited_number_of_addresses_and_keeps_the_one_it_uses() -> None:
    socket = Socket()
    endpoint = socket.add()
    before = socket.holds()
    socket.check(endpoint, HOME)
    for port in range(1, 100):
        assert is_success(socket.check(endpoint, ("192.0.2.9", port), nominate=False))
    assert socket.holds() - before == MAX_ADDRESSES
    newest = {("192.0.2.9", port) for port in range(101 - MAX_ADDRESSES, 100)}
    assert socket.owned == {HOME} | newest
    socket.receive(b"\x16used", source=HOME)
    socket.receive(b"\x16oldest", source=("192.0.2.9", 1))
    socket.receive(b"\x16newest", source=("192.0.2.9", 99))
    assert endpoint.dtls == [b"\x16used", b"\x16newest"]
    socket.remove(endpoint)
    assert (socket.holds(), socket.owned) == (0, set())


class Faulty(Endpoint):
    """A session with a bug, which whatever comes to it triggers."""

    fault: Exception | None = None

    def _fail(self, *_: object) -> NoReturn:
        raise ZeroDivisionError

    receive_check = receive_response = receive_dtls = receive_media = _fail

    def breaks(self, fault: Exception) -> None:
        self.fault = fault


@pytest.mark.parametrize("datagram", [b"\x01\x01" + bytes(18), b"\x16dtls", b"\x80media", None])
def test_a_bug_that_a_datagram_triggers_is_its_sessions_alone(datagram: bytes | None) -> None:
    socket = Socket()
    faulty, other = Faulty(), socket.add()
    socket.add(faulty)
    socket.check(other, OTHER)
    if datagram is None:
        assert socket.check(faulty) is None
    else:
        socket.demux._learn_address(cast(Session, faulty), HOME)
        socket.demux.sort([(datagram, HOME), (b"\x16", OTHER)], socket.now)
        assert other.dtls == [b"\x16"]
    assert isinstance(faulty.fault, ZeroDivisionError)


# --- by ufrag


def test_after_a_restart_both_ufrags_work_and_then_the_new_one() -> None:
    socket = Socket()
    endpoint = socket.add()
    socket.check(endpoint)
    old = endpoint.local
    new = endpoint.local = new_credentials()
    endpoint.ice.restart(new, Credentials(REMOTE, "q" * 24))
    socket.add(endpoint)
    assert is_success(socket.check(endpoint, ufrag=old.ufrag, password=old.password))
    assert is_success(socket.check(endpoint, OTHER))
    assert not is_success(socket.check(endpoint, ufrag=old.ufrag, password=old.password))
    socket.receive(b"\x16", source=OTHER)
    assert endpoint.dtls
    socket.remove(endpoint)
    assert socket.holds() == 0


def test_any_number_of_restarts_leaves_two_ufrags() -> None:
    socket = Socket()
    endpoint = socket.add()
    with_one = socket.holds()
    for _ in range(100):
        endpoint.ice.restart(new_credentials(), Credentials(REMOTE, "q" * 24))
        socket.add(endpoint)
    assert socket.holds() == with_one + 1
    socket.remove(endpoint)
    assert socket.holds() == 0


def test_an_ended_session_is_not_found_any_more() -> None:
    socket = Socket()
    endpoint = socket.add()
    socket.check(endpoint)
    socket.remove(endpoint)
    assert socket.holds() == 0
    assert socket.check(endpoint) is None
    socket.receive(b"\x16", b"\x80")
    assert (endpoint.dtls, endpoint.media) == ([], [])
