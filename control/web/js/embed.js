// The embedded player: a stage for the room in the address.
import { say } from './language.js';
import { roomOfPage } from './room.js';
import { Stage } from './stage.js';

const room = roomOfPage();
if (room) {
  document.title = `${room} · Roomcast`;
  document.getElementById('room').textContent = room;
  new Stage(document.getElementById('stage'), room);
} else {
  document.getElementById('stage').textContent = say('player.wrong');
}
