// Tokens, kept for this tab and nowhere else: never in an address, never in what outlives the tab.

const PREFIX = 'roomcast-token/';
const LAST = 'last';

/** What an administrator shows; every other scope is the name of a room. */
export const ADMIN = '@admin';

const memory = new Map();

/** @param {string} scope a room's name, or `ADMIN`. @returns {string} empty: none */
export function tokenFor(scope) {
  const own = read(scope);
  // a token that opened one room may be the one for all
  return own || (scope === ADMIN ? '' : read(LAST));
}

/** @param {string} scope @param {string} token empty: forget it */
export function keepToken(scope, token) {
  write(scope, token);
  if (scope !== ADMIN) write(LAST, token);
}

function read(scope) {
  try {
    return sessionStorage.getItem(PREFIX + scope) ?? '';
  } catch { // storage is denied, as in some frames
    return memory.get(scope) ?? '';
  }
}

function write(scope, token) {
  memory.set(scope, token);
  try {
    sessionStorage.setItem(PREFIX + scope, token);
  } catch { /* memory has it */ }
}
