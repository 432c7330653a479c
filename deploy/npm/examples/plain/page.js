// One page that publishes the camera and plays a room. Its types are checked: `tsc --checkJs --strict`.
import { Refused, WhepPlayer, WhipPublisher } from 'roomcast';

/** @type {WhepPlayer | undefined} */
let player;
/** @type {WhipPublisher | undefined} */
let publisher;
/** @type {MediaStream | undefined} */
let camera;

const video = /** @type {HTMLVideoElement} */ (document.getElementById('video'));
const form = /** @type {HTMLFormElement} */ (document.getElementById('where'));
const field = (/** @type {string} */ name) => String(new FormData(form).get(name));
const show = (/** @type {string} */ id, /** @type {string} */ text) => {
  /** @type {HTMLOutputElement} */ (document.getElementById(id)).value = text;
};
const words = (/** @type {Error | undefined} */ error) => {
  if (!error) return '';
  return error instanceof Refused ? ` (${error.status}: ${error.message})` : ` (${error.message})`;
};
const onClick = (/** @type {string} */ id, /** @type {() => void} */ on) => {
  document.getElementById(id)?.addEventListener('click', on);
};

onClick('play', () => {
  player?.stop();
  player = new WhepPlayer(video, field('whep'), { token: field('token') });
  player.addEventListener('state', ({ detail }) => show('played', detail.state + words(detail.error)));
  player.play();
});

onClick('publish', async () => {
  try {
    camera ??= await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
  } catch (error) { // not allowed, or there is none
    show('published', `failed${words(/** @type {Error} */ (error))}`);
    return;
  }
  publisher?.stop();
  publisher = new WhipPublisher(field('whip'), { token: field('token') });
  publisher.addEventListener('state', ({ detail }) => show('published', detail.state + words(detail.error)));
  await publisher.publish(camera, { maxBitrate: 1_000_000 }).catch(() => {}); // it was shown
});

onClick('stop', () => {
  player?.stop();
  publisher?.stop();
  camera?.getTracks().forEach((track) => track.stop()); // its light goes out
  camera = undefined;
});
