"""What a viewer's line carries, by what its receiver says: REMB, or else its receiver reports.

REMB is no measure while it grows: it does so slowly, to 1.5 times what comes in. That it **grows** says that
all comes through; its **fall** is a sign of congestion, and tells 0.85 of what came through, so that queues
drain. Sound is not in it: browsers count pictures and retransmissions only.
"""

import math

from media.line.loss_run import Loss
from media.line.round_trips import RoundTrips
from media.line.sent_rates import SentRates

FALL = 0.97  # of the former REMB: browsers send one at once when it falls that far
SIGN_SECONDS = 0.5  # for so long a sign of congestion is fresh
LEAST = 8_000.0  # bit/s beside sound: no line that has a session carries less, whatever a viewer claims
_TRICKLE = 25_000.0  # bit/s: of what is less than that a receiver learns nothing

_PROOF_SECONDS = 2.0  # media sent for so long without a sign fits
_EXCESS = 1.1  # this multiple is more than what is known to fit
_AT_ONCE = 0.5  # of what the line carried, a doubtful sign leaves at least
_DOUBT = 0.95  # of that, after each sign
_DEEP = 0.6  # a REMB below this share of what is sent fell while little was, and does not follow the line
_STEP = 0.6  # a REMB that falls below this share of itself follows what comes in
_FAR_LESS = 0.6  # what is told of less than this share of what fitted means another line
_STANDING_SECONDS = 2.0  # a queue that stays for so long is of what we send
_FLAT = 3  # REMBs that do not grow although they could
_BOUND = 1.2  # a REMB above this multiple of what is sent need not grow: 1.5 is its limit
_LOWERED = 0.6  # we send this share of what we did
_MIRROR = 0.7  # REMB of this share of what we sent a moment ago says that all came through
_BACK_OFF = 0.85  # of what comes in: a REMB falls to that
_HEARD_SECONDS = 0.15  # what was sent since is not in what a receiver says
_OLD_NEWS_SECONDS = 1.5  # after a sign, word of loss is of what was sent before it
_FRESH_SECONDS = 1.5  # reports come each second; one that says nothing new is none
_MUCH_LOSS, _SOME_LOSS, _LITTLE_LOSS = 0.10, 0.05, 0.02  # draft-ietf-rmcat-gcc-02 6
_MANY = 3  # bad reports in a row: the line loses what a train does not show
_SAME_LOSS, _LESS = 0.8, 0.75  # loss that stays although less is sent is not congestion
_QUEUE_SECONDS, _LONG_QUEUE_SECONDS = 0.12, 0.25  # growth of the round trip over the shortest one
_MARGIN = 0.95
_CAPACITY_SECONDS = 1.0  # a line may change
_WELL = 0.85  # of it


class LineEstimate:
    """`now` is in seconds of a steady clock, rates are in bit/s.

    `carries` is what the line carries, sound included; infinite while nothing says otherwise. `congested`
    says that a sign of congestion is fresh, `signs` counts them, and `lost_share` is what share was lost if
    losses or a queue told the last one. `vouched_at` is when the receiver said last that all comes through;
    `trips` are the round trips that were measured.
    """

    def __init__(self, now: float) -> None:
        self.carries = math.inf
        self.congested = False
        self.signs = 0
        self.lost_share: float | None = None
        self._proven = 0.0  # is known to fit
        self._sign_at = -math.inf
        self._rates = SentRates(now)
        self._remb: float | None = None
        self._flat = 0  # REMBs one after the other that did not grow although they could
        self.vouched_at = now
        self._base_loss = 0.0  # that is there however little is sent
        self._bad_reports = 0  # one after the other
        self._judged: tuple[float, float] | None = None  # (rate, loss) at the last sign of a report
        self.trips = RoundTrips(now)
        self._suspect = False  # the last report shows that the line may be full
        self._reported_at = -math.inf
        self._train: float | None = None  # how fast the latest train came, if that is new
        self._capacity, self.trained_at = 0.0, -math.inf

    @property
    def has_remb(self) -> bool:
        """Whether the receiver estimates by itself."""
        return self._remb is not None

    # --- what the receiver says

    def remb(self, bitrate: int, now: float) -> None:
        """Take a REMB. A hostile one lowers `carries` to `LEAST` at most, and never raises it."""
        former, self._remb = self._remb, float(bitrate)
        is_past = not self._suspect or self.trained_at > self._sign_at  # what was lost, or queued
        if former is not None and bitrate < former and is_past and self._leaves_room(now):
            return  # of so little a receiver estimates nonsense
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
            # A REMB that was far below what comes in falls to what has little to do with the line. So does
            # one that falls when a probe has just begun: the receiver takes the silence before for the line.
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
        """The next REMB is the first one: those before do not compare with it."""
        self._remb, self._flat = None, 0

    def _told(self, bitrate: float, now: float) -> float:
        """What a REMB that fell says that the line carries.

        It speaks of the mean of the last second, in which a probe has risen. What tells is the share that
        came through: of the sound as well.
        """
        sound, mean = self._rates.of(now - _HEARD_SECONDS, 1.0)
        share = min(1.0, bitrate / _BACK_OFF / mean) if mean > 0 else 0.0
        through = max(bitrate / _BACK_OFF, share * self._rates.of(now, 0.4)[1])
        return share * sound + through * _MARGIN

    def _is_mirror(self, bitrate: float, pictures: float, now: float) -> bool:
        """Whether a REMB falls only because we send little: a receiver takes what came in the last second."""
        if pictures < _TRICKLE:
            return True
        lately, before = self._rates.total(now, 0.4), self._rates.total(now - 0.4, 1.0)
        if lately < self.carries * _LOWERED < math.inf and self.trips.is_measured and not self.trips.queues:
            return True  # there is room, and no queue: it is the receiver's own
        known = before if self.carries == math.inf else max(before, self.carries)
        return lately < known * _LOWERED and bitrate > pictures * _MIRROR

    def report(self, loss: float, rtt: float, now: float) -> None:
        """Take a receiver report: the share of packets lost, 0 to 1, and the round trip; 0: unknown.

        A receiver's estimate is blind to a queue that is full and stays so: loss and round trip are not.
        """
        queue = rtt - self.trips.shortest.take(rtt, now) if rtt > 0 else 0.0
        if loss < self._base_loss * _LESS:
            self._base_loss = loss
        lost = max(0.0, loss - self._base_loss)
        self._reported_at = now
        self._suspect = queue > _QUEUE_SECONDS or lost > _SOME_LOSS
        if rtt > 0 and not self._suspect:
            self._flat, self.vouched_at = 0, max(self.vouched_at, now - rtt)
        bad = (
            queue > _LONG_QUEUE_SECONDS
            or lost > _MUCH_LOSS
            or (lost > _LITTLE_LOSS and queue > _QUEUE_SECONDS)
        )
        self._bad_reports = self._bad_reports + 1 if bad else 0
        if self.trips.shows_none(now, fresh=queue > _QUEUE_SECONDS):  # what it lost was before less was sent
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
        """Take what is lost of what was sent lately. The rest is what the line carried then.

        `queue` is for how long the last of it was on its way, in seconds, beside the shortest round trip;
        `came` is what came of the picture, in bit/s, if that is known.
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
        """Learn whether loss stays although less is sent: then it is not congestion."""
        if self._judged is None:
            return False
        former_rate, former_loss = self._judged
        if rate >= former_rate * _LESS or loss <= former_loss * _SAME_LOSS:
            return False
        self._base_loss = loss
        return True

    def round_trip(self, seconds: float, now: float) -> None:
        """Take a round trip that was measured just now: a queue shows in it at once."""
        if self.trips.take(seconds, now) and not self._suspect:
            self._flat, self.vouched_at = 0, max(self.vouched_at, now - seconds)

    def train_came(self, rate: float, now: float, sent_at: float = -math.inf) -> None:
        """Take how fast a train of packets came, in bit/s, that was sent at `sent_at`."""
        self._train = self._capacity = rate
        self.trained_at = now
        self.trips.passed(sent_at)
        self.deny(rate)

    def capacity(self, now: float) -> float | None:
        """How fast packets leave the line, though others may have their share of it; None: not known now."""
        return self._capacity if now - self.trained_at < _CAPACITY_SECONDS else None

    def queue(self, rate: float, now: float) -> float:
        """Seconds of queue that are left on a line of that rate: of what was sent since what has come."""
        return min(self.trips.queue, self._rates.bits(self.trips.passed_at, now) / rate)

    def measured(self, rate: float) -> None:
        """Learn that the line carries `rate`, neither more nor less."""
        self.carries, self._proven = rate, min(self._proven, rate)

    def take_train(self, now: float) -> float | None:
        """How fast the latest train came; once."""
        rate, self._train = self._train, None
        return rate if self.capacity(now) is not None else None

    def held_back(self, rate: float, now: float) -> None:
        """Take that what is sent waits for the line, which takes `rate`: a sign of congestion."""
        if now - self._sign_at >= SIGN_SECONDS:
            self._fall(rate * _MARGIN, now)

    def give_way(self, now: float) -> None:
        """Take a queue that stays for a sign: what is sent is more than the line carries."""
        if self.trips.queues > 1 and now - max(self.trips.queued_since, self._sign_at) > _STANDING_SECONDS:
            self._fall(self._rates.total(now, 1.0) * _MARGIN, now)

    def hope(self, rate: float) -> None:
        """Take it that the line carries `rate`, until a sign says more: the last one came of far more."""
        self.carries = max(self.carries, rate)

    def deny(self, rate: float) -> None:
        """Learn that the line carries no more than `rate`, whatever its receiver says: more did not come."""
        self.carries, self._proven = min(self.carries, rate), min(self._proven, rate)

    def _fall(self, told: float, now: float, least: float = 0.0, lost_share: float | None = None) -> None:
        """A sign of congestion. It speaks of what was sent: what is known to fit, if that was less, stays."""
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
        """Take how many octets were sent so far, `sound` of them of sound.

        Called ten times a second, or more, and before each of the receiver's words.
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
        """Learn that the line carries `rate`: it was sent without a sign of congestion."""
        self._proven = rate if rate > self._proven else self._proven
        self.carries = max(self.carries, rate)

    def has_room(self, now: float) -> bool:
        """Whether to send again what was lost: not what a line that was full a moment ago does not carry."""
        if self.trips.queues > 1:  # it drains, if less is sent than the line carries
            return self._rates.total(now, 0.4) < (self.capacity(now) or 0.0) * _WELL
        is_past = now - self._sign_at > _OLD_NEWS_SECONDS or self._leaves_room(now)
        return is_past or self._rates.total(now, 0.4) < self.carries

    @property
    def suspect(self) -> bool:
        """Whether the last receiver report shows a queue, or loss."""
        return self._suspect

    def is_empty(self, now: float) -> bool:
        """Whether no queue is left of what was sent before the last sign of congestion."""
        return not self.trips.queues and (self.trips.is_measured or now - self._sign_at > _STANDING_SECONDS)

    @property
    def stalls(self) -> bool:
        """Whether the line seems full: REMB does not grow although it could, or a report shows a queue."""
        return self._suspect or self.trips.queues > 1 or self._flat >= _FLAT
