// What viewers get of a room, in a line of words, and who cannot play it and why: for its publisher while live.
import { lines, together, wholeShare } from './format.js';
import { say } from './language.js';
import { RoomEvents } from './room-events.js';
import { warningItems } from './room-warnings.js';
import { ROOT } from './server.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);

/** Follows a room by events, until it is closed. */
export class PublishHealth {
  #events;

  /** @param {string} room */
  constructor(room) {
    this.#events = new RoomEvents(ROOT, room, show);
  }

  close() {
    this.#events.close();
    hide();
  }
}

function hide() {
  element('viewers').textContent = '';
  for (const id of ['health', 'warnings']) element(id).hidden = true;
}

/** @param {import('./room-events.js').Room & { layers?: object[], warnings?: string[] }} room */
function show(room) {
  if (!room.live) {
    hide();
    return;
  }
  element('viewers').textContent = say('rooms.viewers', { count: room.subscribers });
  const items = warningItems(room.warnings ?? []);
  element('warnings').replaceChildren(...items);
  element('warnings').hidden = items.length === 0;
  const health = element('health');
  const words = inWords(room);
  if (health.textContent !== words) health.textContent = words;
  health.dataset.state = room.loss >= 0.02 || items.length ? 'waiting' : 'live';
  health.hidden = false;
}

/** `2 viewers get 720p, 1 viewer gets 180p: their lines carry no more.` */
export function inWords({ subscribers, layers = [], viewersByReason = {}, loss = 0 }) {
  const lost = loss >= 0.02 ? ` ${say('publish.lost', { share: wholeShare(loss) })}` : '';
  if (!subscribers) return say('publish.nobody') + lost;
  const parts = layers.filter(({ viewers }) => viewers).map((layer) => (
    say('publish.get', { count: layer.viewers, size: lines(layer) || layer.rid || say('publish.thePicture') })
  ));
  const { line = 0, choice = 0 } = viewersByReason;
  const why = [line && say('publish.narrow', { count: line }), choice && say('publish.chosen', { count: choice })].filter(Boolean);
  const seen = parts.length ? together(parts) : say('publish.bySound', { count: subscribers });
  return (why.length ? say('publish.seenWhy', { seen, why: together(why) }) : say('publish.seen', { seen })) + lost;
}
