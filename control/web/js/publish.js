// The publish page: the camera into the room of the address.
import { roomOfPage } from './room.js';
import { Refused } from './server.js';
import { askForToken } from './token-dialog.js';
import { tokenFor } from './token.js';
import { Publishing, sendable } from './whip.js';
import { inWords } from './words.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);

const room = roomOfPage();
const [video, status, start, stop] = ['video', 'status', 'start', 'stop'].map(element);
let session = null;

/** @param {'idle' | 'waiting' | 'live' | 'error'} state @param {string} words */
function tell(state, words) {
  status.dataset.state = state;
  status.textContent = words;
}

async function camera() {
  if (!navigator.mediaDevices) throw new Error('cameras need HTTPS or localhost');
  const height = Number(element('picture').value);
  const size = { width: { ideal: (height / 9) * 16 }, height: { ideal: height } };
  return navigator.mediaDevices.getUserMedia({ audio: true, video: size });
}

async function publish() {
  tell('waiting', 'Opening the camera…');
  const stream = await camera();
  try {
    video.srcObject = stream;
    tell('waiting', 'Connecting…');
    await session.start(stream, element('codec').value);
    tell('live', `Live in ${room}.`);
    const reason = await session.ended;
    if (!session.stopped) throw new Error(reason === 'lost' ? 'the connection was lost' : 'the server ended the session');
  } finally {
    session.close();
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  }
}

async function publishUntilStopped() {
  let token = tokenFor(room);
  for (;;) {
    session = new Publishing(room, token);
    try {
      await publish();
    } catch (error) {
      if (!session.stopped) {
        const words = inWords(error, { room, token });
        tell('error', words);
        if (error instanceof Refused && error.status === 401) {
          token = await askForToken(room, words);
          if (token) continue;
        }
        return;
      }
    }
    tell('idle', 'Not publishing.');
    return;
  }
}

/** @param {boolean} busy */
function setBusy(busy) {
  const [from, to] = busy ? [start, stop] : [stop, start];
  const focused = document.activeElement === from;
  to.disabled = false;
  if (focused) to.focus(); // a disabled button loses it
  from.disabled = true;
}

function end() {
  if (!session) return;
  session.stopped = true;
  session.close();
}

if (room) {
  element('room').textContent = `Publish to ${room}`;
  document.title = `Publish to ${room} · Roomcast`;
} else {
  tell('error', 'That is not the name of a room: up to 64 letters, digits, - and _.');
  start.disabled = true;
}
start.addEventListener('click', async () => {
  setBusy(true);
  await publishUntilStopped();
  setBusy(false);
});
stop.addEventListener('click', end);
addEventListener('pagehide', end);

for (const option of element('codec').options) {
  option.disabled = option.value !== '' && sendable(option.value).length === 0;
}
