// How long pictures wait in a browser, from their arrival to the screen: buffer, decoder, and the screen's next turn.

/** Looks at each picture that a video shows. Not every browser says when one arrived. */
export class ScreenWait {
  #video;
  #asked;
  #sum = 0; // milliseconds
  #count = 0;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#video = video;
    this.#ask();
  }

  close() {
    this.#video.cancelVideoFrameCallback?.(this.#asked);
  }

  /** The mean of the pictures since the last call, in seconds; undefined: of none it is known. */
  take() {
    const mean = this.#count ? this.#sum / this.#count / 1000 : undefined;
    this.#sum = this.#count = 0;
    return mean;
  }

  #ask() {
    this.#asked = this.#video.requestVideoFrameCallback?.((_, { expectedDisplayTime, receiveTime }) => {
      if (receiveTime !== undefined) {
        this.#sum += expectedDisplayTime - receiveTime;
        this.#count += 1;
      }
      this.#ask();
    });
  }
}
