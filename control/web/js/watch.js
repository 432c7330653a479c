// The watch page: plays the room in the address as long as the page is open.
import { enableCopyButtons } from './copy-buttons.js';
import { bitrate, codecs, duration } from './format.js';
import { say } from './language.js';
import { RoomEvents } from './room-events.js';
import { roomOfPage } from './room.js';
import { ROOT } from './server.js';
import { onKeys } from './shortcuts.js';
import { Stage } from './stage.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);

let began = 0; // when the room came on air, in milliseconds

function showDuration() {
  element('duration').textContent = say('rooms.onAir', { time: duration((performance.now() - began) / 1000) });
}

/** Shows viewers, duration, codecs and bitrate of the room while it is live. */
function showFacts(/** @type {import('./room-events.js').Room} */ room) {
  element('facts').hidden = !room.live;
  if (!room.live) return;
  element('viewers').textContent = say('rooms.viewers', { count: room.subscribers });
  began = performance.now() - 1000 * room.uptime;
  showDuration();
  element('codecs').textContent = codecs(room.codecs);
  element('bitrate').textContent = bitrate(room.bitrate);
}

function offerToShare(/** @type {string} */ room) {
  const embed = new URL(`embed/${room}`, ROOT);
  element('link').value = new URL(`watch/${room}`, ROOT);
  element('embed').value = `<iframe src="${embed}" allow="autoplay; fullscreen; picture-in-picture"></iframe>`;
  enableCopyButtons(element('copied'));
}

const room = roomOfPage();
if (room) {
  element('room').textContent = room;
  document.title = `${room} · Roomcast`;
  new Stage(element('stage'), room);
  offerToShare(room);
  const help = element('help');
  element('help-open').addEventListener('click', () => help.showModal());
  onKeys({ '?': () => help.showModal() });
  new RoomEvents(ROOT, room, showFacts);
  setInterval(showDuration, 1000);
} else {
  element('content').hidden = true;
  element('wrong').hidden = false;
}
