// The loudness of a stream as a bar.

const SILENCE_DB = -60;

export class LevelMeter {
  #element;
  #context = null;
  #frame = 0;

  /** @param {Element} element with `role="meter"`, 0 to 100; its child is the bar */
  constructor(element) {
    this.#element = element;
  }

  /** @param {MediaStream | null} stream null or a stream without sound: the bar is empty */
  show(stream) {
    cancelAnimationFrame(this.#frame);
    this.#context?.close();
    this.#context = null;
    this.#set(0);
    if (!stream?.getAudioTracks().length) return;
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    this.#context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const look = () => {
      analyser.getFloatTimeDomainData(samples);
      this.#set(share(samples));
      this.#frame = requestAnimationFrame(look);
    };
    look();
  }

  #set(level) {
    this.#element.firstElementChild.style.setProperty('--level', level.toFixed(3));
    this.#element.ariaValueNow = Math.round(100 * level);
  }
}

/** Perceived loudness, 0 to 1. @param {Float32Array} samples */
function share(samples) {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  const decibels = power > 0 ? 10 * Math.log10(power) : SILENCE_DB;
  return Math.min(1, Math.max(0, 1 - decibels / SILENCE_DB));
}
