// How well a stream arrives, in words; nothing while all is well.
import { lines, tenth, wholeShare } from './format.js';
import { say } from './language.js';

const SETTLE_SECONDS = 5; // of a session, in which the picture gets sharp
const BAD_SECONDS = 3; // in a row, before it is worth a word
const MUCH_LOSS = 0.05;
const MUCH_DELAY_SECONDS = 1.5;

/** Takes the statistics of each second of a session. */
export class Health {
  #seconds = 0;
  #bad = 0;
  #told = null; // what is wrong; while that is the same, its figure stays: screen readers read each change aloud

  /**
   * @param {import('./receiving-stats.js').Stats} stats
   * @param {import('./session-events.js').Layer[]} layers of the picture, best first
   * @param {{ rid: string | null, picture: boolean }} choice
   * @returns {string} empty: all is well
   */
  words(stats, layers, choice) {
    this.#seconds += 1;
    const now = this.#seconds > SETTLE_SECONDS ? wrong(stats, layers, choice) : null;
    this.#bad = now ? this.#bad + 1 : 0;
    if (!now) this.#told = null;
    else if (this.#bad >= BAD_SECONDS && now.what !== this.#told?.what) this.#told = now;
    return this.#told?.words ?? '';
  }

  /** What keeps the picture from being the best, for the statistics; arguments as of `words`. Empty: nothing. */
  limit(stats, layers, choice) {
    const best = bestOf(layers);
    if (this.#seconds <= SETTLE_SECONDS || !best || !(isAudioOnly(stats) || isSmaller(stats, best))) return '';
    const isChosen = !choice.picture || choice.rid !== null;
    return say(isChosen ? 'player.limitChoice' : 'player.limitConnection', { best: lines(best) });
  }
}

/** The best layer that is sent: one that needs less than a smaller one is hardly sent, by its publisher's line. */
function bestOf(layers) {
  return layers.find(({ bitrate, width }, place) => width > 0
    && bitrate > Math.max(0, ...layers.slice(place + 1).map((smaller) => smaller.bitrate)));
}

function wrong(stats, layers, choice) {
  const best = bestOf(layers);
  const automatic = choice.picture && choice.rid === null;
  if (automatic && best && isAudioOnly(stats)) {
    return { what: 'audio', words: say('player.slowAudio', { best: lines(best) }) };
  }
  if (automatic && best && isSmaller(stats, best)) {
    const words = say('player.slow', { size: lines(stats), best: lines(best) });
    return { what: words, words };
  }
  if (stats.loss >= MUCH_LOSS) return { what: 'lossy', words: say('player.lossy', { share: wholeShare(stats.loss) }) };
  const late = stats.latency ?? stats.delay;
  return late >= MUCH_DELAY_SECONDS ? { what: 'late', words: say('player.late', { seconds: tenth(late) }) } : null;
}

/** Audio arrives, and no frames of the video. */
const isAudioOnly = (stats) => stats.bitrate > 0 && stats.audioCodec !== '' && !stats.framesPerSecond;

const isSmaller = (stats, best) => (
  stats.width > 0 && lines(stats) !== lines(best) && stats.width * stats.height < best.width * best.height
);
