// The home page: a wall of pictures of all live rooms, followed by events, and the form that leads to a room.
import { codecs, duration } from './format.js';
import { GrowingList } from './growing-list.js';
import { KeyedRows, write } from './keyed-rows.js';
import { say } from './language.js';
import { RoomFeed } from './room-feed.js';
import { ROOT } from './server.js';
import { dropStill, showStill } from './still-picture.js';

const CARDS = 48; // added at a time, as the page is scrolled
const ARRANGE_MS = 400; // rooms that come and go meanwhile are arranged together
const FEW = 6; // rooms that need not be looked for
const NEAR = '600px'; // of the window: cards so close to it have their pictures

/** @typedef {import('./room-feed.js').Room} Room */

/** @type {Record<string, (a: Room, b: Room) => number>} */
const byName = (a, b) => (a.name < b.name ? -1 : 1);
const ORDERS = {
  viewers: (a, b) => b.subscribers - a.subscribers || byName(a, b),
  newest: (a, b) => b.began - a.began || byName(a, b),
  name: byName,
};

/** @param {string} id */
const element = (id) => document.getElementById(id);
const [list, empty, summary, trouble, search, sort, more] = ['rooms', 'empty', 'summary', 'trouble', 'search', 'sort', 'more'].map(element);

const growing = new GrowingList(more, CARDS, () => arrange());
let arranging = null; // a timer
const near = new Set(); // cards

const rows = new KeyedRows(list, element('room-row'), {
  begin(card, room) {
    const link = card.querySelector('a');
    link.href = `watch/${room.name}`;
    link.textContent = room.title || room.name;
    card.dataset.room = room.name;
    card.querySelector('.room-letter').textContent = room.name[0].toUpperCase();
    sight.observe(card);
  },
  fill,
  end(card) {
    sight.unobserve(card);
    near.delete(card);
  },
});

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const room = feed.rooms.get(target.dataset.room);
    if (isIntersecting) near.add(target);
    else near.delete(target);
    if (!isIntersecting) dropStill(target.querySelector('img'));
    else if (room) fill(target, room);
  }
}, { rootMargin: NEAR });

/** Only cards near the window are kept up to date: the others are when they come there. */
function fill(/** @type {Element} */ card, /** @type {Room} */ room) {
  if (!near.has(card)) return;
  card.querySelector('a').textContent = room.title || room.name;
  write(card, { name: room.title ? room.name : '', viewers: say('rooms.viewers', { count: room.subscribers }), codecs: codecs(room.codecs) });
  tick(card, room);
  showStill(card.querySelector('img'), room, devicePixelRatio > 1 ? 640 : 320);
}

function tick(card, room) {
  write(card, { duration: say('rooms.onAir', { time: duration((performance.now() - room.began) / 1000) }) });
}

/** Puts the cards in order: those of the rooms that are looked for, as many as were scrolled to. */
function arrange() {
  clearTimeout(arranging);
  arranging = null;
  const text = search.value.trim().toLowerCase();
  const all = [...feed.rooms.values()];
  const found = all.filter(({ name, title }) => [name, title ?? ''].some((one) => one.toLowerCase().includes(text))).sort(ORDERS[sort.value]);
  rows.show(found.slice(0, growing.shown), ({ name }) => name);
  growing.tell(found.length);
  list.hidden = found.length === 0;
  empty.hidden = all.length > 0;
  element('find').hidden = all.length < FEW && !text;
  const viewers = all.reduce((sum, room) => sum + room.subscribers, 0);
  const everything = { rooms: say('rooms.rooms', { count: all.length }), viewers: say('rooms.viewers', { count: viewers }) };
  if (all.length === 0) tell(say('home.none'));
  else if (!text) tell(say('home.all', everything));
  else tell(found.length ? say('home.found', { found: found.length, ...everything }) : say('home.noneFound', { text: search.value.trim() }));
}

function tell(/** @type {string} */ words) {
  if (summary.textContent !== words) summary.textContent = words; // screen readers read each change aloud
}

const feed = new RoomFeed({
  change(changed, moved) {
    trouble.hidden = true;
    for (const card of near) {
      const room = changed.has(card.dataset.room) && feed.rooms.get(card.dataset.room);
      if (room) fill(card, room);
    }
    const first = moved && list.hidden;
    if (first) arrange();
    else arranging ??= setTimeout(arrange, ARRANGE_MS * (moved ? 1 : 5));
  },
  lost() {
    if (document.hidden) return;
    trouble.textContent = say('home.lost');
    trouble.hidden = false;
  },
});

for (const input of [search, sort]) {
  input.addEventListener('input', () => {
    growing.restart();
    arrange();
  });
}

setInterval(() => {
  for (const card of near) {
    const room = feed.rooms.get(card.dataset.room);
    if (room) tick(card, room);
  }
}, 1000);

element('go').addEventListener('submit', (event) => {
  event.preventDefault();
  const page = event.submitter?.value ?? 'watch';
  location.assign(new URL(`${page}/${event.target.elements.room.value}`, ROOT));
});
