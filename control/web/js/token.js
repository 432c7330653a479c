// Tokens, kept for this tab only: never in an address, never in storage that outlives the tab.

const PREFIX = 'roomcast-token/';
const LAST = 'last';

/** The scope of the admin token; every other scope is the name of a room. */
export const ADMIN = '@admin';

const memory = new Map();

/** @param {string} scope a room's name, or `ADMIN`. @returns {string} empty: none */
export function tokenFor(scope) {
  const own = read(scope);
  // a token for one room may be the token for all rooms
  return own || (scope === ADMIN ? '' : read(LAST));
}

/** @param {string} scope @param {string} token empty: forget it */
export function keepToken(scope, token) {
  write(scope, token);
  if (scope !== ADMIN) write(LAST, token);
}

/** What a JWT says, unchecked. @param {string} token @returns {Record<string, any> | null} null: it is none */
export function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return null;
  }
}

/** What an operator's token says that it may do; `admin` for a token that says nothing. @param {string} token */
export function roleOf(token) {
  const { role, admin } = claimsOf(token) ?? {};
  return admin === true ? 'admin' : role ?? 'admin';
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
