"""Which rendition of the picture one viewer gets: what the line carries, up to what the viewer chose."""

import math
from collections.abc import Callable, Sequence

from media.counts import ViewerStats
from media.feedback.missing_packets import MissingPackets
from media.feedback.padding_credit import PaddingCredit
from media.feedback.retransmit_queue import RetransmitQueue
from media.line.allocation import Decision
from media.line.estimate import HEARD_SECONDS
from media.line.handshake_train import Measured
from media.line.line_log import LineLog
from media.line.loss_run import LossRun
from media.line.packet_train import PACKETS, PacketTrains
from media.line.stream_line import StreamLine
from media.rtp.extensions import PlayoutDelay
from media.rtp.rtx import PADDING_BYTES
from media.rtp.run import Run
from media.switch.changeover import Changeover, WantKeyframe
from media.switch.feed import Feed
from media.switch.join_burst import JoinBurst
from media.switch.paced import Paced
from media.switch.padding import can_number, can_pad, pad, send_train
from media.switch.rendition import PACKET_OVERHEAD, Ladder
from media.switch.viewer import Viewer
from media.transport.tcp_backlog import PICTURE_SECONDS
from shared.messages.status import LayerReason

STEP_SECONDS = 0.010  # from one step to the next of padding, keyframes alone, and a picture that begins
# From one keyframe that is asked for to the next, while viewers get keyframes alone. Each takes bits from the
# pictures of all others: so it is no more often than streaming services ask of encoders.
LEAST_SLOW_SECONDS, MOST_SLOW_SECONDS = 2.0, 4.0
# After a stall the last pictures from before it arrive late, and a receiver would delay the next ones by
# seconds. A browser that may delay pictures by no more than this shows them at once.
AT_ONCE_SECONDS = 0.5
_RECOVERY_SECONDS = 5.0  # for this long after a stall, the receiver's reports are about the stall
_MOVE_SECONDS = 2.0  # for this long after a change of address, they are about what went to the former one
_STAY_SECONDS = 0.2  # at an address; a train at once for each move would be ten times a check
_SOUND_ROOM = 2.0  # the line must carry this multiple of the sound with its earlier packets
_LEAST_PACE = 96_000.0  # bit/s, of what is sent again: a packet in 0.1 s, as often as it is requested
_NOTHING = Decision(rung=0, pause=False, probe=0.0, pace=0.0, picture_pace=0.0)


class ViewerPicture:
    """Owns what one viewer gets of the picture. `now` is in seconds of a steady clock.

    A viewer that gets the best rendition, and whose line shows no congestion, costs next to nothing here.
    """

    def __init__(
        self,
        feed: Feed,
        viewer: Viewer,
        changeover: Changeover,
        want_keyframe: WantKeyframe,
        stats: ViewerStats,
        now: float,
        line: Measured | None = None,
    ) -> None:
        """`line` is what its line carries, if that is known already."""
        self._feed = feed
        self._viewer = viewer
        self._changeover = changeover
        self._want_keyframe = want_keyframe
        self._stats = stats
        self._sounds = [n for n, form in enumerate(viewer.forms) if form is not None and form.ssrc is None]
        self._stream_line = StreamLine()
        self._can_train = can_number(viewer)
        self._trains = PacketTrains()
        self._decision = _NOTHING
        self._begin(now)
        if line is not None:
            self._log.train_left(now)  # if that train was exact, none is needed now
            self._log.train_came(line.rate, now, line.sent_at, line.least)
        self._old_news_until = -math.inf  # until then the receiver's reports are about what is over
        self._rid: str | None = None  # the best layer that the viewer wants; None: any
        self._wants_picture = True
        self._is_heard = True
        self._padded_at = -math.inf
        self._again = RetransmitQueue()
        self._padded = 0  # octets of padding that were sent so far
        self._credit = PaddingCredit(now)
        self.is_limited = False  # the line, not the viewer's choice, rules out a better rendition
        self._send_train(now)  # before the pictures that fill a narrow line

    def _begin(self, now: float) -> None:
        """Know nothing of the line."""
        can_train = self._can_train and self._viewer.backlog is None
        self._log = LineLog(now, can_probe=can_pad(self._viewer), can_train=can_train)
        self.line, self._choice = self._log.estimate, self._log.allocation
        self._began_at = now
        self._losses = LossRun()
        self._missing = MissingPackets()
        self._signs = 0
        # from one measurement of the round trip to the next; infinite: none is wanted
        self.measure_seconds = self._choice.measure_seconds(now)
        self._train_was_answered = False  # the train that decides, since the last tick
        self.rests = False  # the viewer gets the best, and its line showed no sign of congestion

    def moved(self, now: float) -> None:
        """The viewer has another address. What it lost until now went to the former one, trains and all."""
        stayed = now - self._began_at
        self._trains = PacketTrains(self._trains.next)
        self._begin(now)
        self._sample(now)
        if stayed >= _STAY_SECONDS:  # otherwise the next tick sends it
            self._send_train(now)
        self._old_news_until = now + _MOVE_SECONDS

    # --- what the viewer wants, and what its receiver says

    def choose(self, rid: str | None, *, picture: bool) -> None:
        """Take the viewer's choice: the layer `rid` at best (None: any), or no picture."""
        self._rid, self._wants_picture = rid, picture

    def hear(self, *, is_heard: bool) -> None:
        """Take whether the viewer still sends anything. Over UDP one that does not gets no picture.

        SRTP's receivers lose count of what is numbered in 16 bits: after 32,768 packets that nobody got, none
        would be read any more. Sound has fewer before consent expires.
        """
        if is_heard != self._is_heard:
            self._is_heard, self.rests = is_heard, False

    @property
    def reason(self) -> LayerReason:
        """Why the viewer gets what it gets."""
        if self.is_limited:
            return LayerReason.LINE
        return LayerReason.FULL if self._rid is None and self._wants_picture else LayerReason.CHOICE

    def _best(self, ladder: Ladder) -> int:
        """The best rung that the viewer wants. The last rung is the sound alone."""
        if not self._wants_picture:
            return len(ladder.renditions)
        return ladder.best_from(ladder.rids.index(self._rid) if self._rid in ladder.rids else ladder.first)

    @property
    def carries(self) -> int | None:
        """The bits a second that the line seems to carry; None: no limit is known."""
        return None if math.isinf(self.line.carries) else round(self.line.carries)

    def remb(self, bitrate: int, now: float) -> None:
        """Take the receiver's own estimate, in bit/s, of a line that is no TCP connection."""
        if self._viewer.backlog is not None or now < self._old_news_until:
            return
        if (
            now - self._padded_at > HEARD_SECONDS or not self._choice.can_train
        ):  # it counts no numbered padding
            self._sample(now)
            self._log.remb(bitrate, now)

    def asked(self, missing: Sequence[Run], now: float) -> int:
        """Take a NACK for packets of the picture.

        Returns how many of them the line has room for. Their loss counts in that, too: that of the present
        rendition, as the numbers of another one tell nothing of how much was sent between.
        """
        rendition, has_room, signs = self._viewer.rendition, self.has_room(now), self.line.signs
        behind = self._viewer.behind
        self._again.turn_to(rendition)
        most = self._again.room_for((run.track, run.first) for run in missing)
        if isinstance(behind, Paced):
            return most if has_room else 0
        is_live = behind is None or self.is_paced
        indexes = [run.first for run in missing if run.track == rendition]
        if rendition is None or not is_live or not indexes:
            return most if has_room else 0
        sent_at = now - max(self._feed.sent[rendition].history.age(index, now) for index in indexes)
        if sent_at >= self._began_at:
            self._learn(rendition, indexes, now)
        if self.line.signs != signs:
            has_room = False
        self._missing.asked(sent_at, now, refused=not has_room)
        return most if has_room else 0

    def send_in_turn(self, run: Run, again: Callable[[float], None], now: float) -> None:
        """Send that packet of the picture again, by `again`, when it is its turn."""
        self._again.add((run.track, run.first), again)
        self._send_again(now)

    def resent(self, sent: Run, now: float) -> None:
        """Take that a packet was sent again: pictures that go at a pace get so much less.

        Beside others it takes no more than they do, or than the line has room for.
        """
        behind, ladder, octets = self._viewer.behind, self._feed.ladder, sent.octets
        if sent.track == self._viewer.rendition:
            self._losses.resent(sent.first, now)
        if self.is_paced and behind is not None:
            behind.spend(octets + PACKET_OVERHEAD)
        else:
            pictures = math.inf if ladder is None else ladder.needs[self._present(ladder)]
            self._again.spend(octets, max(min(self._room(now), pictures), _LEAST_PACE), now)

    def _learn(self, rendition: int, indexes: Sequence[int], now: float) -> None:
        """Tell the estimate which share of the packets was lost."""
        self._log.missed(now)
        history = self._feed.sent[rendition].history
        behind = self._viewer.behind
        late = behind.late if isinstance(behind, JoinBurst) else 0.0
        lost = [(index, now - history.age(index, now) + late) for index in indexes]
        came_at = now - self.line.trips.shortest_known
        overflows = self.line.trained_at > -math.inf and not self.line.is_shared
        queue = self.line.trips.queue
        since = self.line.less_since
        loss = self._losses.asked(rendition, lost, came_at, queue=queue, overflows=overflows, since=since)
        if loss is not None:
            self._sample(now)
            self._log.lost(loss, now)

    def arrived(self, first: int, times: Sequence[float | None], now: float) -> None:
        """Take when numbered packets arrived, from the number `first` on; None: a packet was lost."""
        if (rate := self._trains.arrived(first, times, now)) is not None:
            # who has just come may get far too much each moment that nobody decides
            self._train_was_answered |= self._choice.awaits_train(now) or self._choice.has_just_begun(now)
            self._log.train_came(rate, now, self._trains.told_of, self._trains.least)
        elif self._trains.once_more:
            self._log.ask_train()
        if (loss := self._trains.lost(first, times)) is not None:
            self._sample(now)
            self._log.lost(loss, now)

    def has_room(self, now: float) -> bool:
        """Whether the line has room for retransmissions: sound and newer pictures come first."""
        if self.rests:
            return True
        self._sample(now)
        return self._room(now) > 0.0

    @property
    def is_paced(self) -> bool:
        """Whether its pictures leave at a pace, and with them what is sent again."""
        behind = self._viewer.behind
        return isinstance(behind, Paced) or (isinstance(behind, JoinBurst) and not behind.is_first)

    def _room(self, now: float) -> float:
        """The rate that the line has for retransmissions beside what the viewer is to get."""
        ladder = self._feed.ladder
        return self.line.room(0.0 if ladder is None else ladder.needs[self._decision.rung], now)

    def has_room_for_sound(self, more: float) -> bool:
        """Whether the line has room for so many times more sound.

        A picture that has less than it could by what was lost by chance has made room, and needs none itself.
        """
        if self.rests:
            return True
        ladder = self._feed.ladder
        sound = 0.0 if ladder is None else ladder.sound
        return not self.line.is_queued and self.line.carries >= _SOUND_ROOM * (1 + more) * sound

    def report(self, lost: int, expected: int, since: float, rtt: float, now: float) -> None:
        """Take a report: packets lost, of how many, of which the first was sent at `since`.

        `rtt` is the round trip in seconds; 0: unknown.
        """
        if now < self._old_news_until:
            return
        if self._viewer.backlog is not None:
            lost = 0  # TCP loses nothing: we dropped those packets
        self._sample(now)
        self._log.report(lost, expected, since, rtt, now)

    def measured(self, round_trip: float, now: float) -> None:
        """Take a round trip, in seconds."""
        self._sample(now)
        self._log.round_trip(round_trip, now, is_stream=self._viewer.backlog is not None)

    @property
    def has_news(self) -> bool:
        """Whether the next tick would be too late.

        After a new sign of congestion sound would be lost; after a train's answer no picture would be there.
        """
        return self.line.signs != self._signs or self._train_was_answered

    def _sample(self, now: float) -> None:
        octets, sound = self._octets()
        self._log.sent(octets, sound, now)

    def _octets(self) -> tuple[int, int]:
        """The octets that were sent so far: all, and those of sound.

        Sound counts with its headers, which are half of it. Pictures count without: a REMB has no headers.
        """
        viewer = self._viewer
        sound = headers = 0
        for number in self._sounds:
            packets, octets = viewer.sent(number)
            headers += packets * PACKET_OVERHEAD
            sound += octets
        return viewer.octets + headers + viewer.resent_octets + self._padded, sound + headers

    # --- in time

    def begin(self, now: float) -> None:
        """Decide what the viewer begins with, by what is known of its line before anything is sent."""
        if (ladder := self._feed.ladder) is not None:
            self._turn(ladder, self._best(ladder), now)

    def tick(self, now: float) -> None:
        """Decide anew. Called several times a second."""
        ladder = self._feed.ladder
        if ladder is None or self._must_wait(now):
            return
        best = self._best(ladder)
        at_best = self._viewer.rendition == ladder.number(best) and self._decision.rung == best
        self.measure_seconds = self._choice.measure_seconds(now)
        rests = at_best and math.isinf(self.measure_seconds) and not self._changeover.sends
        self.rests = rests and self.line.signs == self._signs
        if self.rests:
            self._log.rest()
            return
        self._signs, self._train_was_answered = self.line.signs, False
        self._sample(now)
        self._log.can_train(can=self._can_train and self._viewer.backlog is None)
        if (rate := self._trains.cut_short(now)) is not None:
            self._log.train_came(rate, now, self._trains.told_of, self._trains.least)
        present, target = self._viewer.rendition, self._turn(ladder, best, now)
        falls = self.is_limited and self._decision.rung > self._present(ladder)
        self._changeover.tick(now, fits=not falls)
        if self._choice.is_urgent and self._wants_picture and (lowest := ladder.lowest_moving) is not None:
            self._changeover.prepare(lowest, now)
        self._keep_slow_show_going(now)
        self._send_train(now)
        backlog = self._viewer.backlog
        if self._decision.pause and backlog is not None and not self._brings_the_first(present, target, now):
            backlog.cut()  # the next picture must not wait for the rest of this one

    def _brings_the_first(self, present: int | None, target: int | None, now: float) -> bool:
        """Whether the first keyframe, which waits for the connection, is one of `target`.

        TCP loses nothing: it is there sooner than another one. What waits for longer is dropped anyway.
        """
        if present is None or target is None or now - self._began_at > PICTURE_SECONDS:
            return False
        return self._feed.base_of(present) == self._feed.base_of(target)

    def _must_wait(self, now: float) -> bool:
        """Stop the picture while nobody hears the viewer, or its TCP connection catches up.

        Returns whether it has to.
        """
        backlog = self._viewer.backlog
        if backlog is None:
            if not self._is_heard:
                self._old_news_until = now + _RECOVERY_SECONDS
                self._changeover.aim(None, now, pause=True)
            return not self._is_heard
        if backlog.octets:
            self._sample(now)
        if not self._stream_line.look(backlog, self._log, now):
            return False
        self.rests = False
        self._old_news_until = now + _RECOVERY_SECONDS
        self._changeover.aim(None, now, pause=True)
        self._viewer.delay_playout(PlayoutDelay(0.0, AT_ONCE_SECONDS))
        return True

    def _turn(self, ladder: Ladder, best: int, now: float) -> int | None:
        """Decide, and aim at that; returns the rendition."""
        self._decide(ladder, best, now)
        self._changeover.set_pace(self._decision.pace, self._decision.picture_pace)
        target = ladder.number(self._decision.rung)
        self._changeover.aim(target, now, pause=self._decision.pause)
        return target

    def _decide(self, ladder: Ladder, best: int, now: float) -> None:
        needs = (*(math.inf,) * best, *ladder.needs[best:])  # the viewer does not want the rungs above `best`
        was_probing, was_padded = self._choice.is_probing, bool(self._decision.probe)
        self._decision = self._log.step(needs, self._present(ladder), now, is_broken=self._is_broken(now))
        self._stats.probes += self._choice.is_probing and not was_probing
        if self._decision.probe and not was_padded:
            self._credit.begin(self._octets()[0], now)
        is_limited = self._decision.rung > best
        self._feed.limited += is_limited - self.is_limited
        self.is_limited = is_limited

    def _is_broken(self, now: float) -> bool:
        present, feed = self._viewer.rendition, self._feed
        return present is not None and self._missing.break_picture(
            feed.sent[feed.base_of(present)].keyframe_at, now
        )

    def _keep_slow_show_going(self, now: float) -> None:
        """Ask for keyframes as often as half of the line carries them, if the publisher sends none itself."""
        behind, feed = self._viewer.behind, self._feed
        if isinstance(behind, Paced) and not behind.due:
            base = feed.base_of(behind.track)
            apart = min(max(2 * behind.seconds, LEAST_SLOW_SECONDS), MOST_SLOW_SECONDS)
            if now - feed.sent[base].keyframe_at >= apart:
                self._want_keyframe(base, now)

    def _send_train(self, now: float) -> None:
        choice = self._choice
        if choice.wants_train(now) and self._trains.is_due(now, urgent=choice.awaits_train(now)):
            self._log.train_left(now)
            octets, first = self._trains.octets, self._trains.send(now)
            self._count_padding(send_train(self._viewer, first, PACKETS, octets, now), octets)

    def _present(self, ladder: Ladder) -> int:
        """The rung that the viewer gets. If several rungs are one rendition, the one that was decided."""
        rendition, decided = self._viewer.rendition, self._decision.rung
        if rendition == ladder.number(decided):
            return decided
        numbers = [each.number for each in ladder.renditions]
        return numbers.index(rendition) if rendition in numbers else len(numbers)

    @property
    def is_gone(self) -> bool:
        """Whether the publisher does not send the viewer's present rendition any more."""
        ladder = self._feed.ladder
        return ladder is not None and math.isinf(ladder.needs[self._present(ladder)])

    def line_log(self, now: float) -> str:
        """The log of its line, as JSON."""
        return self._log.as_json(now)

    @property
    def steps(self) -> bool:
        """Whether the caller is to call `step` each `STEP_SECONDS`."""
        return self._decision.probe > 0 or self._changeover.sends or len(self._again) > 0

    def step(self, now: float) -> None:
        """Send the packets of pictures, and the padding, that are due now."""
        backlog = self._viewer.backlog
        if not self._is_heard if backlog is None else backlog.octets:
            return
        self._send_again(now)
        self._changeover.send_due(now)
        if due := self._credit.due(self._decision.probe, *self._octets(), now):
            self._padded_at = now
            number = (lambda count: self._trains.number(count, now)) if self._choice.can_train else None
            self._count_padding(pad(self._viewer, due, now, number), PADDING_BYTES)

    def _send_again(self, now: float) -> None:
        """Send what is due again: with pictures that leave at a pace one packet in a step."""
        again, behind = self._again, self._viewer.behind
        again.turn_to(self._viewer.rendition)
        if self.is_paced and behind is not None:
            if again and not behind.owes(now):
                again.pop()(now)
            return
        while again and again.is_free(now):
            again.pop()(now)

    def _count_padding(self, octets: int, size: int) -> None:
        """In packets of that `size`, so small that their headers count."""
        self._padded += octets + PACKET_OVERHEAD * math.ceil(octets / size)

    def end(self) -> None:
        """The viewer has left."""
        self._feed.limited -= self.is_limited
        self._changeover.end()
