// The first page: a publisher and a viewer of one room, with their states in words.
import { Refused } from './session.js';
import { Viewer } from './whep.js';
import { Publishing, sendable } from './whip.js';

const TOKEN = 'roomcast-token';

/** @param {string} id */
const element = (id) => document.getElementById(id);

const room = element('room');
const token = element('token');

/** What people are told about an error. @param {Error} error @param {string} name the room's */
function inWords(error, name) {
  switch (error instanceof Refused ? error.status : error.name) {
    case 400: return `The server cannot take this: ${error.message}.`;
    case 401: return token.value ? 'The token is wrong for this room.' : 'This room asks for a token.';
    case 403: return 'The room is full.';
    case 404: return `Nobody publishes in ${name} yet.`;
    case 406: return `This browser cannot play the room: ${error.message}.`;
    case 409: return `Somebody else publishes in ${name}.`;
    case 429: return 'Too many requests.';
    case 503: return 'The server is not ready for this just now.';
    case 'NotAllowedError': return 'The browser may not use the camera and microphone.';
    case 'NotFoundError': return 'There is no camera or no microphone.';
    case 'NotReadableError': return 'The camera or microphone is in use elsewhere.';
    case 'TypeError': return 'The server cannot be reached.';
    default: return `That did not work: ${error.message}.`;
  }
}

/** One of the two panels: its two buttons, its picture and its line of words. */
class Panel {
  /** @param {'publish' | 'watch'} name */
  constructor(name) {
    this.video = element(`${name}-video`);
    this.startButton = element(`${name}-start`);
    this.stopButton = element(`${name}-stop`);
    this.status = element(`${name}-status`);
    /** Stops what runs. */
    this.stop = () => {};
    this.stopButton.addEventListener('click', () => this.stop());
    addEventListener('pagehide', () => this.stop());
  }

  /** @param {'idle' | 'waiting' | 'live' | 'error'} state @param {string} words */
  tell(state, words) {
    this.status.dataset.state = state;
    this.status.textContent = words;
  }

  /** Runs `work` on each click of the start button, one at a time. @param {(name: string) => Promise<void>} work */
  onStart(work) {
    this.startButton.addEventListener('click', async () => {
      if (!room.reportValidity()) return;
      const name = room.value;
      this.#busy(true);
      try {
        await work(name);
      } catch (error) {
        this.tell('error', inWords(error, name));
      } finally {
        this.video.srcObject = null;
        this.video.controls = false;
        this.#busy(false);
      }
    });
  }

  /** @param {boolean} busy */
  #busy(busy) {
    const [from, to] = busy ? [this.startButton, this.stopButton] : [this.stopButton, this.startButton];
    const focused = document.activeElement === from;
    to.disabled = false;
    if (focused) to.focus(); // a disabled button loses it
    from.disabled = true;
  }
}

async function camera() {
  if (!navigator.mediaDevices) throw new Error('cameras need HTTPS or localhost');
  const height = Number(element('picture').value);
  const video = { width: { ideal: (height / 9) * 16 }, height: { ideal: height } };
  return navigator.mediaDevices.getUserMedia({ audio: true, video });
}

const publish = new Panel('publish');

publish.onStart(async (name) => {
  const session = new Publishing(name, token.value);
  let stopped = false;
  publish.stop = () => {
    stopped = true;
    session.close();
  };
  publish.tell('waiting', 'Opening the camera…');
  const stream = await camera();
  try {
    publish.video.srcObject = stream;
    publish.tell('waiting', 'Connecting…');
    await session.start(stream, element('codec').value);
    publish.tell('live', `Live in ${name}.`);
    const reason = await session.ended;
    if (!stopped) throw new Error(reason === 'lost' ? 'the connection was lost' : 'the server ended the session');
  } catch (error) {
    if (!stopped) throw error;
  } finally {
    session.close();
    stream.getTracks().forEach((track) => track.stop());
  }
  publish.tell('idle', 'Not publishing.');
});

const watch = new Panel('watch');

watch.onStart(async (name) => {
  const report = (state, error) => {
    watch.video.controls = state === 'live';
    if (state === 'live') watch.tell('live', `Watching ${name}.`);
    if (state === 'ended') watch.tell('waiting', 'The stream has ended. Waiting for the next…');
    if (state === 'retrying') watch.tell('waiting', `${inWords(error, name)} Waiting…`);
  };
  const show = (stream) => { watch.video.srcObject = stream; };
  const viewer = new Viewer({ room: name, token: token.value, show, report });
  watch.stop = () => viewer.stop();
  watch.tell('waiting', 'Connecting…');
  await viewer.run();
  watch.tell('idle', 'Not watching.');
});

for (const option of element('codec').options) {
  option.disabled = option.value !== '' && sendable(option.value).length === 0;
}

room.value = new URLSearchParams(location.search).get('room') || room.value;
room.addEventListener('change', () => {
  if (room.validity.valid) history.replaceState(null, '', `?room=${room.value}`);
});

// a token stays in this tab, and out of the address
token.value = sessionStorage.getItem(TOKEN) ?? '';
token.addEventListener('change', () => sessionStorage.setItem(TOKEN, token.value));
