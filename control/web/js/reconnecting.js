// What whep-player.js and whip-publisher.js share: trying again until somebody stops it, and events that report how it
// goes.
import { Refused } from './requests.js';
import { NotConnected } from './session.js';

/**
 * An event target whose events are `CustomEvent`s, each with the `detail` that `Details` has for its name.
 * @template Details
 * @typedef {{ addEventListener: Listen<Details>, removeEventListener: Listen<Details> } & EventTarget} Reporting
 */

/**
 * @template Details
 * @typedef {<Name extends keyof Details & string>(
 *   name: Name, listener: (event: CustomEvent<Details[Name]>) => void, options?: boolean | AddEventListenerOptions,
 * ) => void} Listen
 */

/** One call of `play` or `publish`, until it is ended. */
export class Run {
  #on;
  #wanted = true;
  #wake = () => {};

  /** @param {{ leave: (event: PageTransitionEvent) => void, recover: () => void }} on the page is closed; the network is back */
  constructor(on) {
    this.#on = on;
    addEventListener('pagehide', on.leave);
    addEventListener('online', on.recover);
  }

  /** False once it was ended. */
  get wanted() { return this.#wanted; }

  /** Ends the present pause, if there is one. */
  hasten() { this.#wake(); }

  end() {
    this.#wanted = false;
    removeEventListener('pagehide', this.#on.leave);
    removeEventListener('online', this.#on.recover);
    this.#wake();
  }

  /** Waits, but not beyond the end of the run. @param {number} seconds */
  sleep(seconds) {
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, 1000 * seconds);
    }));
  }

  /**
   * Makes one attempt after the other until the run is ended.
   * @param {(succeeded: () => void) => Promise<number>} attempt returns the seconds until the next one, and calls
   *   `succeeded` when the pauses after failures shall begin anew from the shortest
   * @param {object} on
   * @param {(error: Error, failures: number) => number | null} on.pauseAfter seconds until the next attempt, unless
   *   the server names a time; null: there is none
   * @param {(error: Error, retryIn: number | null) => void} on.failed called for each failure
   * @throws the error after which there is no other attempt
   */
  async repeat(attempt, { pauseAfter, failed }) {
    let failures = 0;
    while (this.#wanted) {
      let pause;
      try {
        pause = await attempt(() => { failures = 0; });
      } catch (error) {
        if (!this.#wanted) return;
        pause = pauseAfter(error, failures);
        if (pause !== null) pause = error.retryAfter || pause;
        failures += 1;
        failed(error, pause);
        if (pause === null) throw error;
      }
      if (pause && this.#wanted) await this.sleep(pause);
    }
  }
}

/**
 * The state of a player or publisher, and the events by which it reports.
 * @template {string} State
 */
export class Reports {
  #target;
  #state = /** @type {State} */ ('stopped');

  /** @param {EventTarget} target dispatches the events */
  constructor(target) {
    this.#target = target;
  }

  get state() { return this.#state; }

  /** Changes the state; an error is reported in any case. @param {State} state @param {object} detail */
  change(state, detail = {}) {
    if (state === this.#state && !detail.error) return;
    this.#state = state;
    this.send('state', { state, ...detail });
  }

  /** @param {string} type @param {object} detail */
  send(type, detail) {
    this.#target.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {Error} error @param {number | null} retryIn seconds; null: it was the last attempt */
  failure(error, retryIn) {
    this.send('error', retryIn === null ? { error } : { error, retryIn });
  }
}

/** A pause that grows with each failure, and differs for clients that lost the server at the same time. */
export function backoff(/** @type {number[]} */ seconds, /** @type {number} */ failures) {
  return seconds[Math.min(failures, seconds.length - 1)] * (0.5 + Math.random() / 2);
}

/**
 * The ICE servers for the next session.
 * @param {RTCIceServer[] | (() => RTCIceServer[] | Promise<RTCIceServer[]>)} iceServers
 * @returns {Promise<RTCIceServer[]>}
 */
export async function iceServersNow(iceServers) {
  if (typeof iceServers !== 'function') return iceServers;
  try {
    return await iceServers();
  } catch (error) {
    return asNotConnected(error);
  }
}

/** Throws a refusal as it is, and any other error as `NotConnected`. @param {Error} error @returns {never} */
export function asNotConnected(error) {
  throw error instanceof Refused ? error : new NotConnected('the server cannot be reached', 'unreachable');
}
