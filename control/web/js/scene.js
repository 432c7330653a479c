// A scene: the camera in a corner of the screen, with the sound of both, as one stream.
import { openCamera, openScreen } from './media-source.js';

const CAMERA_SHARE = 0.24; // of the width
const EDGE_SHARE = 0.02;
const ROUND_SHARE = 0.08; // of the camera's width

/** @param {import('./media-source.js').Wishes} wishes */
export async function openScene(wishes) {
  const screen = await openScreen({ ...wishes, microphone: 'none' }); // people choose what to share first
  let camera = null;
  try {
    camera = await openCamera(wishes);
    const picture = new Picture(screen.stream, camera.stream, wishes.framesPerSecond);
    await picture.begin();
    const sound = mixed([screen.stream, camera.stream]);
    const stream = new MediaStream([...picture.stream.getVideoTracks(), ...(sound?.stream.getAudioTracks() ?? [])]);
    const end = () => {
      picture.end();
      sound?.context.close();
      screen.close();
      camera.close();
    };
    // what stops the screen, or unplugs the camera or the microphone, stops the scene
    for (const track of [...screen.stream.getVideoTracks(), ...camera.stream.getTracks()]) {
      const scenes = stream.getTracks().find(({ kind }) => kind === track.kind);
      track.addEventListener('ended', () => scenes.dispatchEvent(new Event('ended')));
    }
    return { stream, end };
  } catch (error) {
    screen.close();
    camera?.close();
    throw error;
  }
}

/** Both pictures on a canvas, also while the page is hidden: then people are at what they share. */
class Picture {
  #screen;
  #camera;
  #canvas = document.createElement('canvas');
  #context = this.#canvas.getContext('2d', { alpha: false });
  #clock = new Worker(new URL('./scene-clock.js', import.meta.url));
  #framesPerSecond;

  constructor(screen, camera, framesPerSecond) {
    [this.#screen, this.#camera] = [screen, camera].map(player);
    this.#framesPerSecond = framesPerSecond;
    this.stream = this.#canvas.captureStream(framesPerSecond);
  }

  async begin() {
    await Promise.all([this.#screen.play(), this.#camera.play()]);
    this.#draw();
    this.#clock.onmessage = () => this.#draw();
    this.#clock.postMessage(1000 / this.#framesPerSecond);
  }

  end() {
    this.#clock.terminate();
    this.stream.getTracks().forEach((track) => track.stop());
    for (const video of [this.#screen, this.#camera]) video.srcObject = null;
  }

  #draw() {
    const { videoWidth: width, videoHeight: height } = this.#screen;
    if (!width) return;
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const context = this.#context;
    context.drawImage(this.#screen, 0, 0, width, height);
    if (!this.#camera.videoWidth) return;
    const wide = Math.round(width * CAMERA_SHARE);
    const high = Math.round((wide / this.#camera.videoWidth) * this.#camera.videoHeight);
    const edge = Math.round(width * EDGE_SHARE);
    context.save();
    context.beginPath();
    context.roundRect(width - wide - edge, height - high - edge, wide, high, wide * ROUND_SHARE);
    context.clip();
    context.drawImage(this.#camera, width - wide - edge, height - high - edge, wide, high);
    context.restore();
  }
}

/** @param {MediaStream} stream */
function player(stream) {
  return Object.assign(document.createElement('video'), { srcObject: stream, muted: true, playsInline: true });
}

/** @param {MediaStream[]} streams @returns {{ stream: MediaStream, context: AudioContext } | null} null: there is no sound */
function mixed(streams) {
  const heard = streams.filter((stream) => stream.getAudioTracks().length);
  if (!heard.length) return null;
  const context = new AudioContext();
  const target = context.createMediaStreamDestination();
  for (const stream of heard) context.createMediaStreamSource(stream).connect(target);
  return { stream: target.stream, context };
}
