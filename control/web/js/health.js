// How well a stream arrives, in words; nothing while all is well.
import { lines, tenth, wholeShare } from './format.js';
import { say } from './language.js';

const SETTLE_SECONDS = 5; // of a session, in which the picture gets sharp
const BAD_SECONDS = 3; // in a row, before it is worth a word
const MUCH_LOSS = 0.05;
const MUCH_DELAY_SECONDS = 1.5;

/** Takes the statistics of each second. */
export class Health {
  #seconds = 0;
  #bad = 0;
  #words = '';

  /** A session began. */
  restart() {
    this.#seconds = this.#bad = 0;
    this.#words = '';
  }

  /**
   * @param {import('./receiving-stats.js').Stats} stats
   * @param {import('./session-events.js').Layer[]} layers of the picture, best first
   * @param {{ rid: string | null, picture: boolean }} choice
   * @returns {string} empty: all is well
   */
  words(stats, layers, choice) {
    this.#seconds += 1;
    const now = this.#seconds > SETTLE_SECONDS ? wrong(stats, layers, choice) : '';
    this.#bad = now ? this.#bad + 1 : 0;
    if (!now) this.#words = '';
    else if (this.#bad >= BAD_SECONDS) this.#words = now;
    return this.#words;
  }
}

function wrong(stats, layers, choice) {
  const best = layers.find(({ bitrate, width }) => bitrate > 0 && width > 0);
  const automatic = choice.picture && choice.rid === null;
  if (automatic && best && stats.width > 0 && lines(stats) !== lines(best) && stats.width * stats.height < best.width * best.height) {
    return say('player.slow', { size: lines(stats), best: lines(best) });
  }
  if (stats.loss >= MUCH_LOSS) return say('player.lossy', { share: wholeShare(stats.loss) });
  const late = stats.latency ?? stats.delay;
  return late >= MUCH_DELAY_SECONDS ? say('player.late', { seconds: tenth(late) }) : '';
}
