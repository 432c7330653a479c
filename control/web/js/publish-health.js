// What viewers get of a room, in a line of words, and who cannot play it and why: for its publisher while live.
import { count, lines } from './format.js';
import { RoomEvents } from './room-events.js';
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
    for (const id of ['health', 'warnings']) element(id).hidden = true;
  }
}

/** @param {import('./room-events.js').Room & { layers?: object[], warnings?: string[] }} room */
function show(room) {
  if (!room.live) return;
  element('viewers').textContent = count(room.subscribers, 'viewer');
  const items = (room.warnings ?? []).map((words) => Object.assign(document.createElement('li'), { textContent: words }));
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
  const lost = loss >= 0.02 ? ` ${(100 * loss).toFixed(0)} % of what you send is lost on the way.` : '';
  if (!subscribers) return `Nobody watches yet.${lost}`;
  const got = layers.filter(({ viewers }) => viewers);
  const parts = got.map((layer) => (
    `${count(layer.viewers, 'viewer')} ${layer.viewers === 1 ? 'gets' : 'get'} ${lines(layer) || layer.rid || 'the picture'}`
  ));
  const { line = 0, choice = 0 } = viewersByReason;
  const why = [
    line && `${line === 1 ? 'one has a line that carries' : `${line} have lines that carry`} no more`,
    choice && `${choice === 1 ? 'one has' : `${choice} have`} chosen less`,
  ].filter(Boolean).join(', ');
  const seen = parts.length ? parts.join(', ') : `${count(subscribers, 'viewer')}, by sound`;
  return `${seen}${why && `: ${why}`}.${lost}`;
}
