// The watch page: the room of the address, muted at first, for as long as the page is open.
import { roomOfPage } from './room.js';
import { Refused } from './server.js';
import { askForToken } from './token-dialog.js';
import { tokenFor } from './token.js';
import { Viewer } from './whep.js';
import { inWords } from './words.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);

const room = roomOfPage();
const [video, status, sound] = ['video', 'status', 'sound'].map(element);
let viewer = null;

/** @param {'waiting' | 'live' | 'error'} state @param {string} words */
function tell(state, words) {
  status.dataset.state = state;
  status.textContent = words;
}

function report(state, error) {
  if (state === 'live') tell('live', `Watching ${room}.`);
  if (state === 'ended') tell('waiting', `${room} is not live any more. Waiting for it to come back…`);
  if (state === 'retrying') tell('waiting', `${inWords(error, { room })} Waiting…`);
}

async function watch() {
  let token = tokenFor(room);
  for (;;) {
    viewer = new Viewer({ room, token, show: (stream) => { video.srcObject = stream; }, report });
    try {
      await viewer.run();
      return;
    } catch (error) {
      const words = inWords(error, { room, token });
      tell('error', words);
      if (!(error instanceof Refused) || error.status !== 401) return;
      token = await askForToken(room, words);
      if (!token) return;
    }
  }
}

function showSound() {
  sound.textContent = video.muted ? 'Sound on' : 'Sound off';
}

sound.addEventListener('click', () => { video.muted = !video.muted; });
video.addEventListener('volumechange', showSound);
addEventListener('pagehide', () => viewer?.stop());

if (room) {
  element('room').textContent = room;
  document.title = `${room} · Roomcast`;
  watch();
} else {
  tell('error', 'That is not the name of a room: up to 64 letters, digits, - and _.');
}
