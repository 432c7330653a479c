"""What a viewer's line carries, by what its receiver says: REMB, or else its receiver reports.

A REMB that grows measures nothing: a browser raises it slowly, to 1.5 times what it receives. But its growth
shows that all packets come through. Its fall is a sign of congestion: the browser then sends 0.85 of what
came through, so that queues drain. A REMB counts pictures and retransmissions, and no sound.
"""

import math

from media.line.loss_run import Loss
from media.line.round_trips import RoundTrips
from media.line.sent_rates import SentRates

FALL = 0.97  # a REMB below this share of the former one has fallen: browsers send such a REMB at once
SIGN_SECONDS = 0.5  # a sign of congestion is fresh for this long
LEAST = 8_000.0  # bit/s beside sound: a line that has a session carries this, whatever a viewer claims
_TRICKLE = 25_000.0  # bit/s: a receiver cannot estimate a line from less

_PROOF_SECONDS = 2.0  # a rate that was sent for this long without a sign of congestion fits
_EXCESS = 1.1  # a rate above this multiple of what is known to fit was an excess
_AT_ONCE = 0.5  # a doubtful sign leaves at least this share of what the line carried
_DOUBT = 0.95  # each sign lowers what is known to fit to this share
_DEEP = 0.6  # a REMB below this share of what is sent fell while little was sent: it says little of the line
_STEP = 0.6  # a REMB that falls below this share of itself follows what the receiver gets
_FAR_LESS = 0.6  # a sign of less than this share of what fitted means that the line has changed
_STANDING_SECONDS = 2.0  # a queue that stays for this long comes from what we send
_FLAT = 3  # after so many REMBs that do not grow although they could, the line seems full
_BOUND = 1.2  # a REMB above this multiple of what is sent need not grow: browsers stop at 1.5
_LOWERED = 0.6  # we send less than this share of what we sent before
_MIRROR = 0.7  # a REMB above this share of what we sent a moment ago shows that all came through
_BACK_OFF = 0.85  # a REMB falls to this share of what the receiver gets
_HEARD_SECONDS = 0.15  # a receiver's report does not count what was sent in the last moment
_OLD_NEWS_SECONDS = 1.5  # for this long after a sign, reports of loss concern what was sent before it
_FRESH_SECONDS = 1.5  # reports come each second: an older one counts for nothing
_MUCH_LOSS, _SOME_LOSS, _LITTLE_LOSS = 0.10, 0.05, 0.02  # draft-ietf-rmcat-gcc-02 6
_MANY = 3  # after so many bad reports in a row, the line loses packets although trains pass
_SAME_LOSS, _LESS = 0.8, 0.75  # loss that stays so large, although we send so much less, is no congestion
_QUEUE_SECONDS, _LONG_QUEUE_SECONDS = 0.12, 0.25  # by which a round trip is longer than the shortest one
_MARGIN = 0.95  # we use this share of what a sign shows
_CAPACITY_SECONDS = 1.0  # a measured capacity is trusted for this long
_WELL = 0.85  # a rate below this share of the capacity leaves room to spare


class LineEstimate:
    """`now` is in seconds of a steady clock, rates are in bit/s.

    `carries` is what the line carries, sound included; infinite while nothing says otherwise. `congested` is
    true while a sign of congestion is fresh, and `signs` counts the signs. `lost_share` is the share of
    packets that was lost, if losses or a queue were the last sign. `vouched_at` is the last time at which the
    receiver showed that all packets came through; `trips` are the round trips that were measured.
    """

    def __init__(self, now: float) -> None:
        self.carries = math.inf
        self.congested = False
        self.signs = 0
        self.lost_share: float | None = None
        self._proven = 0.0  # bit/s that are known to fit
        self._sign_at = -math.inf
        self._rates = SentRates(now)
        self._remb: float | None = None
        self._flat = 0  # how many REMBs in a row did not grow although they could
        self.vouched_at = now
        self._base_loss = 0.0  # the share of packets that the line loses however little is sent
        self._bad_reports = 0  # in a row
        self._judged: tuple[float, float] | None = None  # (rate, loss) at the last sign of a report
        self.trips = RoundTrips(now)
        self._suspect = False  # the last report shows that the line may be full
        self._reported_at = -math.inf
        self._reported_queue = 0.0  # by the last report, in seconds
        self._train: float | None = None  # the rate that the latest train measured, until `take_train`
        self._capacity, self.trained_at = 0.0, -math.inf

    @property
    def has_remb(self) -> bool:
        """Whether the receiver estimates by itself."""
        return self._remb is not None

    # --- what the receiver says

    def remb(self, bitrate: int, now: float) -> None:
        """Take a REMB. A hostile one lowers `carries` to `LEAST` at most, and never raises it."""
        former, self._remb = self._remb, float(bitrate)
        is_past = not self._suspect or self.trained_at > self._sign_at  # losses and queue are over
        if former is not None and bitrate < former and is_past and self._leaves_room(now):
            return  # a receiver that gets so little estimates nonsense
        pictures = self._rates.of(now, 1.0)[1]
        if former is None or bitrate > former or bitrate > _BOUND * self._rates.of(now - 0.1, 0.4)[1]:
            self._flat = 0
            self.vouched_at = self.vouched_at if self._suspect else now
        elif bitrate > _DEEP * pictures:
            self._flat += 1
        if former is None:
            if bitrate < pictures * FALL:
                self._fall(self._told(bitrate, now), now)
        elif bitrate < former * FALL and not self._is_mirror(bitrate, pictures, now):
            # A REMB that was far below what the receiver gets falls to a value that has little to do with the
            # line. So does a REMB at the begin of a probe: the receiver took the silence before for the line.
            deep = former < _DEEP * pictures and bitrate > former * _STEP
            begins = self._rates.of(now - _HEARD_SECONDS, 1.0)[1] < _TRICKLE
            doubtful = (deep or begins) and self.carries < math.inf
            self._fall(self._told(bitrate, now), now, self.carries * _AT_ONCE if doubtful else 0.0)

    def _leaves_room(self, now: float) -> bool:
        """Whether a train and the round trip show that what is sent fits, with room to spare."""
        if not self.trips.is_measured or self.trips.queues:
            return False
        return self._rates.total(now, 0.4) < (self.capacity(now) or 0.0) * _WELL

    def forget_remb(self) -> None:
        """Take the next REMB as the first one, and compare it with none before."""
        self._remb, self._flat = None, 0

    def _told(self, bitrate: float, now: float) -> float:
        """What the line carries, by a REMB that fell.

        The REMB is about the mean of the last second, in which a probe has risen. So this takes the share
        that came through, and applies it to what is sent now, and to the sound.
        """
        sound, mean = self._rates.of(now - _HEARD_SECONDS, 1.0)
        share = min(1.0, bitrate / _BACK_OFF / mean) if mean > 0 else 0.0
        through = max(bitrate / _BACK_OFF, share * self._rates.of(now, 0.4)[1])
        return share * sound + through * _MARGIN

    def _is_mirror(self, bitrate: float, pictures: float, now: float) -> bool:
        """Whether a REMB falls only because we send little: it follows what came in the last second."""
        if pictures < _TRICKLE:
            return True
        lately, before = self._rates.total(now, 0.4), self._rates.total(now - 0.4, 1.0)
        if lately < self.carries * _LOWERED < math.inf and self.trips.is_measured and not self.trips.queues:
            return True  # there is room, and no queue: only the receiver's own estimate is low
        known = before if self.carries == math.inf else max(before, self.carries)
        return lately < known * _LOWERED and bitrate > pictures * _MIRROR

    def report(self, loss: float, rtt: float, now: float) -> None:
        """Take a receiver report: the share of packets lost, 0 to 1; the round trip in seconds, 0: unknown.

        A REMB does not show a queue that stays full. Loss and round trip do.
        """
        queue = rtt - self.trips.shortest.take(rtt, now) if rtt > 0 else 0.0
        if loss < self._base_loss * _LESS:
            self._base_loss = loss
        lost = max(0.0, loss - self._base_loss)
        self._reported_at = now
        self._reported_queue = queue
        self._suspect = queue > _QUEUE_SECONDS or lost > _SOME_LOSS
        if rtt > 0 and not self._suspect:
            self._flat, self.vouched_at = 0, max(self.vouched_at, now - rtt)
        bad = (
            queue > _LONG_QUEUE_SECONDS
            or lost > _MUCH_LOSS
            or (lost > _LITTLE_LOSS and queue > _QUEUE_SECONDS)
        )
        self._bad_reports = self._bad_reports + 1 if bad else 0
        if self.trips.shows_none(
            now, fresh=queue > _QUEUE_SECONDS
        ):  # the losses are from before we sent less
            if now - self._sign_at <= _OLD_NEWS_SECONDS:
                self._bad_reports = 0
                return
            if self._bad_reports < _MANY and self._leaves_room(now):
                return
        at_once = lost > _MUCH_LOSS and queue > _QUEUE_SECONDS
        if not at_once and self._bad_reports < 2:
            return
        rate = self._rates.total(now, 1.0)
        if queue <= _QUEUE_SECONDS and self._is_steady(rate, loss):
            self._bad_reports, self._suspect = 0, False
            return
        self._judged = (rate, loss)
        self._fall(rate * (1 - lost) * _MARGIN, now, lost_share=lost)

    def lost(self, loss: Loss, queue: float, now: float, came: float | None = None) -> None:
        """Take which share of a run of packets was lost. What the line carried then is the rest.

        `queue` is by how much the last packet's way was longer than the shortest round trip, in seconds.
        `came` is the part of the picture that arrived, in bit/s; None: unknown.
        """
        rate = self._rates.between(loss.begin, loss.end)
        if queue <= _QUEUE_SECONDS and self._is_steady(rate, loss.share):
            return
        self._judged = (rate, loss.share)
        lost = max(0.0, loss.share - self._base_loss)
        if lost > _SOME_LOSS:
            told = rate * (1 - lost) * _MARGIN
            if came is not None:
                through = (came + self._rates.of(now, 1.0)[0]) * _MARGIN
                told = (told + through) / 2 if told else through
            self._proven = min(self._proven, told)
            self._fall(told, now, lost_share=loss.share)

    def _is_steady(self, rate: float, loss: float) -> bool:
        """Whether loss stays although we send less: then it is no congestion, and becomes the base loss."""
        if self._judged is None:
            return False
        former_rate, former_loss = self._judged
        if rate >= former_rate * _LESS or loss <= former_loss * _SAME_LOSS:
            return False
        self._base_loss = loss
        return True

    def round_trip(self, seconds: float, now: float) -> None:
        """Take a round trip that was measured just now: it shows a queue at once."""
        if self.trips.take(seconds, now) and not self._suspect:
            self._flat, self.vouched_at = 0, max(self.vouched_at, now - seconds)

    def train_came(self, rate: float, now: float, sent_at: float = -math.inf) -> None:
        """Take the rate in bit/s that a train of packets has measured, which was sent at `sent_at`."""
        self._train = self._capacity = rate
        self.trained_at = now
        self.trips.passed(sent_at)
        self.deny(rate)

    def forget_train(self) -> None:
        """Know nothing by trains any more."""
        self.trained_at = -math.inf

    def capacity(self, now: float) -> float | None:
        """The rate at which packets leave the line, those of others among them; None: not known now."""
        return self._capacity if now - self.trained_at < _CAPACITY_SECONDS else None

    def queue(self, rate: float, now: float) -> float:
        """The seconds that a line of that rate needs for what was sent after the last packet to arrive."""
        return min(self.trips.queue, self._rates.bits(self.trips.passed_at, now) / rate)

    def measured(self, rate: float) -> None:
        """Learn that the line carries `rate`, neither more nor less."""
        self.carries, self._proven = rate, min(self._proven, rate)

    def take_train(self, now: float) -> float | None:
        """The rate that the latest train measured; each train is returned once."""
        rate, self._train = self._train, None
        return rate if self.capacity(now) is not None else None

    def held_back(self, rate: float, now: float) -> None:
        """Take as a sign of congestion that packets wait for the line, which takes `rate`."""
        if now - self._sign_at >= SIGN_SECONDS:
            self._fall(rate * _MARGIN, now)

    def give_way(self, now: float) -> None:
        """Take a queue that stays as a sign of congestion: we send more than the line carries."""
        if self.trips.queues > 1 and now - max(self.trips.queued_since, self._sign_at) > _STANDING_SECONDS:
            self._fall(self._rates.total(now, 1.0) * _MARGIN, now)

    def hope(self, rate: float) -> None:
        """Assume `rate` until the next sign: the last sign came when far more was sent."""
        self.carries = max(self.carries, rate)

    def deny(self, rate: float) -> None:
        """Learn that the line carries no more than `rate`, whatever its receiver says: no more arrived."""
        self.carries, self._proven = min(self.carries, rate), min(self._proven, rate)

    def _fall(self, told: float, now: float, least: float = 0.0, lost_share: float | None = None) -> None:
        """Take a sign of congestion. What is known to fit stays, if the sign came when more was sent."""
        self._sign_at, self.congested, self.lost_share = now, True, lost_share
        self.signs += 1
        most = max(self._rates.total(now - shift, 0.4) for shift in (0.0, 0.2, 0.4, 0.6, 0.8))
        is_another = max(told, least) < self._proven * _FAR_LESS
        is_proven = most > self._proven * _EXCESS and not is_another
        self._proven = self._proven * _DOUBT if is_proven else 0.0
        self.carries = max(
            self._rates.of(now, 1.0)[0] + LEAST, min(self.carries, max(told, self._proven, least))
        )

    # --- what we sent

    def sent(self, octets: int, sound: int, now: float) -> None:
        """Take how many octets were sent so far, and how many of them were sound.

        Call this ten times a second or more, and before each report of the receiver.
        """
        self.congested = now - self._sign_at < SIGN_SECONDS
        if now - self._reported_at > _FRESH_SECONDS:
            self._suspect = False
        self.trips.tick(now)
        if not self._rates.add(octets, sound, now):
            return
        quiet = now - self._sign_at >= _PROOF_SECONDS and now - self._rates.since >= _PROOF_SECONDS
        if quiet and not self.stalls:
            self.fits(self._rates.total(now, _PROOF_SECONDS))

    def fits(self, rate: float) -> None:
        """Learn that the line carries `rate`, which was sent without a sign of congestion."""
        self._proven = rate if rate > self._proven else self._proven
        self.carries = max(self.carries, rate)

    def has_room(self, now: float) -> bool:
        """Whether the line has room for retransmissions. A line that was full a moment ago has none."""
        if self.trips.queues > 1:  # the queue drains only if we send less than the line carries
            return self._rates.total(now, 0.4) < (self.capacity(now) or 0.0) * _WELL
        is_past = now - self._sign_at > _OLD_NEWS_SECONDS or self._leaves_room(now)
        return is_past or self._rates.total(now, 0.4) < self.carries

    def is_queued(self, now: float) -> bool:
        """Whether packets wait for the line: what it loses is lost for that, and not by chance."""
        fresh = now - self._reported_at <= _FRESH_SECONDS
        return self.trips.queues > 1 or (fresh and self._reported_queue > _QUEUE_SECONDS)

    @property
    def suspect(self) -> bool:
        """Whether the last receiver report shows a queue, or loss."""
        return self._suspect

    def is_empty(self, now: float) -> bool:
        """Whether the queue of the last sign of congestion has drained."""
        return not self.trips.queues and (self.trips.is_measured or now - self._sign_at > _STANDING_SECONDS)

    @property
    def stalls(self) -> bool:
        """Whether the line seems full: REMB does not grow although it could, or a report shows a queue."""
        return self._suspect or self.trips.queues > 1 or self._flat >= _FLAT
