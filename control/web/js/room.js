// Names of rooms.

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Whether a room can have it: a server refuses any other one. @param {string} name */
export const isRoomName = (name) => NAME.test(name);

/** The last part of the page's address, `demo` of `/watch/demo`. @returns {string | null} null: not a valid room name */
export function roomOfPage() {
  const last = location.pathname.split('/').at(-1);
  return isRoomName(last) ? last : null;
}
