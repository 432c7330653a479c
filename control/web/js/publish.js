// The publish page: publishes a camera, the screen or a file to the room of the address, until somebody stops it.
import { enableCopyButtons } from './copy-buttons.js';
import { duration } from './format.js';
import { say } from './language.js';
import { NotShared } from './media-source.js';
import { Preview } from './preview.js';
import { showPrograms } from './programs.js';
import { codec, enableForm, limits, lockSession, several, sound, source, wishes } from './publish-form.js';
import { roomOfPage } from './room.js';
import { SendingCharts } from './sending-charts.js';
import { ask, Refused, ROOT } from './server.js';
import { askForToken } from './token-dialog.js';
import { keepToken, tokenFor } from './token.js';
import { WhipPublisher } from './whip-publisher.js';
import { inWords } from './words.js';

const OPENING = { camera: 'publish.openingCamera', screen: 'publish.choosing', scene: 'publish.choosing', file: 'publish.openingFile' };
const STATES = { connecting: 'publish.connecting', reconnecting: 'publish.reconnecting' };
const REASONS = { // as the server names them
  'room closed': 'publish.roomClosed',
  'room blocked by an operator': 'publish.roomBlocked',
  'ended by an operator': 'publish.sessionEnded',
  'token expired': 'publish.tokenExpired',
  'token revoked': 'publish.tokenRevoked',
  'room taken over by another worker': 'publish.takenOver',
  'replaced by a newer session of the publisher': 'publish.replaced',
};

/** @param {string} id */
const element = (id) => document.getElementById(id);

const room = roomOfPage();
const [start, stop, status] = ['start', 'stop', 'status'].map(element);
const charts = new SendingCharts(element('statistics'));
const preview = new Preview((track) => {
  end();
  tell('error', say(track.kind === 'video' ? 'publish.pictureLost' : 'publish.soundLost'));
});

let attempt = null; // the latest press of Go live; null: stopped
let publisher = null; // null: not publishing
let liveSince = null;
let health = null; // of the room, while live
let recording = null; // the button for that, while live
let checking = null; // an AbortController
let authEnabled = true;
let awake = null; // the promise of a lock that keeps a phone's screen on: its camera stops without

// --- the source

/** What the form names, where it is not open yet. */
async function openChosen() {
  if (preview.stream && !preview.isOpening) return;
  tell('waiting', say(OPENING[source()]));
  await preview.open(source(), wishes());
}

const kinds = () => preview.stream.getTracks().map(({ kind }) => kind);

/** Applies another camera or size at once, also while live, and while the browser asks permission for the former one. */
async function changeSource() {
  if (!(preview.stream || preview.isOpening) || (source() === 'file' && !wishes().file)) return;
  const live = publisher;
  try {
    const before = live && kinds();
    await preview.open(source(), wishes());
    tellPreview();
    if (!live || live !== publisher) return; // who publishes from now on, publishes that source
    if (kinds().some((kind) => !before.includes(kind))) {
      publisher.stop(); // a kind of track that was not sent so far requires another session
      await publish();
      return;
    }
    for (const track of preview.stream.getTracks()) await live.replaceTrack(track);
    await live.update(limits());
    if (live.state === 'live') tellLive();
  } catch (error) {
    if (publisher) {
      tellTrouble(error);
      return;
    }
    if (liveSince !== null) end(); // the other session did not come about
    tell('error', spoken(error));
  }
}

// --- live

async function goLive() {
  const going = attempt = Symbol('going');
  const wanted = () => going === attempt;
  checking?.abort();
  element('check').hidden = true;
  setBusy(true);
  try {
    await openChosen();
    if (wanted()) await publish();
  } catch (error) {
    if (!wanted()) return;
    end();
    tell('error', spoken(error));
  }
}

async function publish() {
  const token = tokenFor(room);
  publisher = new WhipPublisher(new URL(`api/whip/publish/${room}`, ROOT), {
    token,
    iceServers: async () => (await ask(`api/bootstrap?room=${room}&action=publish`, { token })).iceServers,
  });
  publisher.addEventListener('state', ({ detail }) => follow(detail));
  publisher.addEventListener('stats', ({ detail }) => charts.add(detail));
  publisher.addEventListener('error', ({ detail: { error, retryIn } }) => {
    if (retryIn) tell('waiting', say('publish.again', { trouble: spoken(error) }));
  });
  try {
    const own = publisher;
    await own.publish(new MediaStream(preview.stream), { codec: codec(), simulcast: several(), ...sound(), ...limits() });
    own.addEventListener('state', ({ detail: { state, error } }) => { // what fails later is thrown to nobody
      if (state !== 'failed') return;
      end();
      tell('error', spoken(error));
    });
  } catch (error) {
    publisher = null;
    if (!(error instanceof Refused) || error.status !== 401) throw error;
    tell('error', spoken(error));
    if (!await askForToken(room, spoken(error))) {
      end();
      return;
    }
    showToken();
    tellPrograms();
    await publish();
  }
}

/** @param {{ state: string, reason?: string }} detail of the publisher's event */
function follow({ state, reason }) {
  if (state === 'live') {
    liveSince ??= performance.now();
    tellLive();
    element('on-air').hidden = element('statistics').hidden = false;
    keepAwake();
    addEventListener('beforeunload', askFirst);
    showHealth();
    showRecording();
  } else if (state === 'ended') {
    end();
    tell('error', Object.hasOwn(REASONS, reason) ? say(REASONS[reason]) : say('publish.ended', { reason }));
  } else if (STATES[state]) {
    tell('waiting', say(STATES[state]));
    hideWhatViewersGet(); // whatever was told last, they get nothing
  }
}

/** Has the browser ask whether to leave: a reload, or a link to another language, ends what is live. @param {Event} leaving */
const askFirst = (leaving) => leaving.preventDefault();

/** Keeps the screen on while live. Browsers end that when the page is hidden. */
function keepAwake() {
  awake?.then((lock) => lock?.release());
  const wanted = liveSince !== null && !document.hidden;
  awake = wanted ? navigator.wakeLock?.request('screen').catch(() => null) : null;
}

/** What viewers get. Loaded once there may be some. */
async function showHealth() {
  const { PublishHealth } = await import('./publish-health.js').catch(() => ({})); // the server may be away
  if (PublishHealth && publisher?.state === 'live') health ??= new PublishHealth(room);
}

function hideWhatViewersGet() {
  element('on-air').hidden = true;
  health?.close();
  health = null;
}

/** Whether the room is recorded, and a button for that: not every token may. */
async function showRecording() {
  const { PublishRecording, mayRecord } = await import('./publish-recording.js').catch(() => ({}));
  if (!PublishRecording || liveSince === null || !mayRecord(tokenFor(room))) return;
  recording ??= new PublishRecording(room, tokenFor(room), tellTrouble);
}

/** Stops publishing, and closes the source. */
function end() {
  const former = publisher;
  publisher = attempt = null;
  former?.stop();
  liveSince = null;
  keepAwake();
  removeEventListener('beforeunload', askFirst);
  preview.close();
  charts.clear();
  hideWhatViewersGet();
  recording?.close();
  recording = null;
  checking?.abort();
  element('statistics').hidden = true;
  setBusy(false);
}

/** @param {boolean} busy */
function setBusy(busy) {
  const [from, to] = busy ? [start, stop] : [stop, start];
  element('try').hidden = busy;
  const focused = document.activeElement === from;
  to.hidden = false;
  if (focused) to.focus(); // a hidden button loses the focus
  from.hidden = true;
  lockSession(busy);
}

// --- before

async function runCheck() {
  checking?.abort();
  const run = checking = new AbortController();
  const button = element('try');
  button.disabled = true;
  try {
    await openChosen();
    if (run.signal.aborted) return;
    tellPreview();
    const token = tokenFor(room);
    const { check } = await import('./publish-check.js'); // not everybody needs it
    await check({
      stream: preview.stream,
      several: several(),
      maxBitrate: limits().maxBitrate,
      soundBitrate: sound().maxAudioBitrate,
      endpoint: new URL(`api/whip/publish/${room}`, ROOT),
      token,
      iceServers: (await ask(`api/bootstrap?room=${room}&action=publish`, { token })).iceServers,
      inWords: spoken,
      signal: run.signal,
    });
  } catch (error) {
    if (!run.signal.aborted) tell('error', spoken(error));
  } finally {
    button.disabled = false;
  }
}

// --- words

/** @param {'idle' | 'waiting' | 'live' | 'error'} state @param {string} words */
function tell(state, words) {
  status.dataset.state = state;
  status.textContent = words;
}

function tellPreview() {
  if (!attempt && preview.stream) tell('idle', withoutSound(say('publish.onlyYou')));
}

function tellLive() {
  tell(preview.noMicrophone ? 'waiting' : 'live', withoutSound(say('publish.liveIn', { room })));
}

/** These words, and why there is no sound, if somebody wants it. @param {string} words */
function withoutSound(words) {
  const error = preview.noMicrophone;
  return error ? say('publish.withoutSound', { words, why: spoken(error) }) : words;
}

/** What failed while somebody publishes, and does not end that. @param {Error} error */
function tellTrouble(error) {
  const trouble = spoken(error);
  if (publisher.state === 'live') tell('live', say('publish.still', { trouble, room }));
  else tell('waiting', `${trouble} ${say(STATES[publisher.state])}`);
}

/** @param {Error} error */
function spoken(error) {
  if (error instanceof NotShared) return say('publish.notShared');
  return inWords(error, { room, token: tokenFor(room) });
}

async function showRoom() {
  const title = element('room').textContent = say('publish.publishTo', { room });
  document.title = `${title} · Roomcast`;
  const link = element('watch-link');
  link.href = link.textContent = new URL(`watch/${room}`, ROOT).href;
  element('share').hidden = false;
  showToken(); // not after the answer: somebody may have typed another
  ({ authEnabled } = await ask('api/bootstrap').catch(() => ({ authEnabled: true })));
  element('access').hidden = !authEnabled;
  tellPrograms();
}

function showToken() {
  element('room-token').value = tokenFor(room);
}

function tellPrograms() {
  showPrograms(new URL(`api/whip/publish/${room}`, ROOT).href, authEnabled, tokenFor(room));
}

// --- the page's own events

start.addEventListener('click', goLive);
stop.addEventListener('click', () => {
  end();
  tell('idle', say('publish.idle'));
});
element('preview').addEventListener('click', async () => {
  try {
    await openChosen();
    tellPreview();
  } catch (error) {
    tell('error', spoken(error));
  }
});
element('try').addEventListener('click', runCheck);
element('room-token').addEventListener('input', ({ target }) => {
  keepToken(room, target.value.trim());
  tellPrograms();
});
addEventListener('pagehide', () => { // a browser may show it again, as it was
  end();
  tell('idle', say('publish.idle'));
});
document.addEventListener('visibilitychange', keepAwake);
setInterval(() => {
  if (liveSince !== null) element('on-air-time').textContent = duration((performance.now() - liveSince) / 1000);
}, 1000);

enableCopyButtons(element('copied'));
enableForm({ source: changeSource, limits: () => publisher?.update(limits()) });
if (room) {
  showRoom();
} else {
  tell('error', say('publish.wrong'));
  start.disabled = element('preview').disabled = element('try').disabled = true;
  document.querySelector('.programs').hidden = true;
}
