// The watch page: plays the room in the address as long as the page is open.
import { enableCopyButtons } from './copy-buttons.js';
import { bitrate, codecs, count, duration } from './format.js';
import { LiveRoom } from './live-room.js';
import { roomOfPage } from './room.js';
import { ROOT } from './server.js';
import { onKeys } from './shortcuts.js';
import { Stage } from './stage.js';
import { whileVisible } from './visible.js';

const FACTS_EVERY_SECONDS = 4;
const COUNTED_SECONDS = 1.2; // until the cluster has counted a viewer that came or left

/** @param {string} id */
const element = (id) => document.getElementById(id);

/** Shows viewers, duration, codecs and bitrate of the room while it is live. */
async function showFacts(/** @type {LiveRoom} */ room) {
  const detail = await room.detail().catch(() => undefined); // the player shows what is wrong
  element('facts').hidden = !detail?.hasPublisher;
  if (!detail) return;
  element('viewers').textContent = count(detail.subscribers, 'viewer');
  element('duration').textContent = `on air ${duration(detail.uptime)}`;
  element('codecs').textContent = codecs(detail.codecs);
  element('bitrate').textContent = bitrate(detail.bitrate);
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
  const stage = new Stage(element('stage'), room);
  offerToShare(room);
  const help = element('help');
  element('help-open').addEventListener('click', () => help.showModal());
  onKeys({ '?': () => help.showModal() });
  const live = new LiveRoom(ROOT, room);
  whileVisible(FACTS_EVERY_SECONDS, () => showFacts(live));
  stage.player.addEventListener('state', () => setTimeout(showFacts, 1000 * COUNTED_SECONDS, live));
} else {
  element('content').hidden = true;
  element('wrong').hidden = false;
}
