"""One end of a relay: which address it sends to."""

from media.relay.link import KEEP_ALIVE_SECONDS, MOVE_SECONDS, PROFILE, Link
from media.rtp.rtcp import receiver_report
from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_sender import SrtpSender
from media.transport.address import Address
from tests.support.far_end import new_keys

HERE: Address = ("192.0.2.1", 7100)
THERE: Address = ("192.0.2.2", 7100)
SSRC = 7


class Far:
    """The other end of a link, which sends from wherever a test says."""

    def __init__(self) -> None:
        keys = new_keys(PROFILE)
        self.sent: list[Address] = []
        self.link = Link(keys, SSRC, (), lambda _, to: self.sent.append(to), 0.0, SrtpSender(keys))
        self._sender = SrtpSender(SrtpKeys(PROFILE, keys.remote, keys.local))

    def say(self, source: Address, now: float) -> Address | None:
        """Send from `source`; the address that the link sends to from then on."""
        self.link.receive(self._sender.protect_rtcp(receiver_report(SSRC, ())), source, now)
        return self.link.address


def test_an_address_is_kept_for_a_while_after_it_was_heard() -> None:
    far = Far()
    assert far.say(HERE, 10.0) == HERE
    assert far.say(THERE, 10.0) == HERE
    assert far.say(THERE, 10.0 + MOVE_SECONDS - 0.01) == HERE
    assert far.say(THERE, 10.0 + MOVE_SECONDS) == THERE
    assert far.say(HERE, 10.0 + MOVE_SECONDS) == THERE


def test_each_packet_from_an_address_keeps_it_longer() -> None:
    far = Far()
    far.say(HERE, 10.0)
    far.say(HERE, 11.0)
    assert far.say(THERE, 10.0 + MOVE_SECONDS) == HERE
    assert far.say(THERE, 11.0 + MOVE_SECONDS - 0.01) == HERE
    assert far.say(THERE, 11.0 + MOVE_SECONDS) == THERE


def test_an_address_outlives_one_lost_keep_alive_but_not_two() -> None:
    far = Far()
    far.say(HERE, 10.0)
    assert far.say(THERE, 10.0 + 1.9 * KEEP_ALIVE_SECONDS) == HERE
    assert far.say(THERE, 10.0 + 2.1 * KEEP_ALIVE_SECONDS) == THERE


def test_words_are_repeated_each_second_whatever_else_is_sent() -> None:
    far = Far()
    far.say(HERE, 10.0)
    far.link.say(receiver_report(SSRC, ()))
    heard = 0
    for tick in range(100):
        now = 10.0 + tick / 10
        sent = len(far.sent)
        far.link.tick(now)
        heard += len(far.sent) - sent
        far.link.send(receiver_report(SSRC, ()))
    assert heard == 10


def test_an_end_that_says_nothing_else_is_heard_each_second() -> None:
    far = Far()
    far.say(HERE, 10.0)
    for tick in range(200):
        far.link.tick(10.0 + tick / 10)
    assert len(far.sent) == 20


def test_what_could_not_leave_goes_as_soon_as_there_is_a_way() -> None:
    far = Far()
    outbound, far.link.outbound = far.link.outbound, None
    far.link.say(receiver_report(SSRC, ()))
    far.link.tick(9.9)
    far.say(HERE, 10.0)
    far.link.outbound = outbound
    far.link.tick(10.0)
    assert far.sent == [HERE]


def test_new_words_do_not_wait() -> None:
    far = Far()
    far.say(HERE, 10.0)
    far.link.say(receiver_report(SSRC, ()))
    far.link.tick(10.0)
    sent = len(far.sent)
    far.link.say(receiver_report(SSRC, ()))
    far.link.tick(10.1)
    assert len(far.sent) == sent
    far.link.say(receiver_report(SSRC + 1, ()))
    far.link.tick(10.2)
    assert len(far.sent) == sent + 1
