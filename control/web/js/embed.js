// The embedded player: a stage for the room in the address.
import { say } from './language.js';
import { roomOfPage } from './room.js';
import { Stage } from './stage.js';

const room = roomOfPage();
if (room) {
  document.title = `${room} · Roomcast`;
  document.getElementById('room').textContent = room;
  new Stage(document.getElementById('stage'), room, (title) => {
    if (!title) return;
    document.title = `${title} · Roomcast`;
    document.getElementById('room').textContent = title;
    const shown = document.getElementById('title');
    shown.textContent = title;
    shown.hidden = false;
  });
} else {
  document.getElementById('stage').textContent = say('player.wrong');
}
