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
  if (room.title) showTitle(room.title);
  element('facts').hidden = !room.live;
  if (!room.live) return;
  element('viewers').textContent = say('rooms.viewers', { count: room.subscribers });
  began = performance.now() - 1000 * room.uptime;
  showDuration();
  element('codecs').textContent = codecs(room.codecs);
  element('bitrate').textContent = bitrate(room.bitrate);
}

/** Shows the title in the place of the room's name, which then stands beside it. */
function showTitle(/** @type {string} */ title) {
  element('room').textContent = title || room;
  element('name').textContent = title ? room : '';
  document.title = `${title || room} · Roomcast`;
}

function offerToShare(/** @type {string} */ room) {
  const embed = new URL(`embed/${room}`, ROOT);
  element('link').value = new URL(`watch/${room}`, ROOT);
  element('embed').value = `<iframe src="${embed}" allow="autoplay; fullscreen; picture-in-picture"></iframe>`;
  enableCopyButtons(element('copied'));
}

const room = roomOfPage();
if (room) {
  showTitle('');
  new Stage(element('stage'), room, (title) => title && showTitle(title));
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
