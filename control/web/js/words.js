// Errors in words for people.
import { say } from './language.js';
import { Refused } from './server.js';

const BLOCKED = /^room blocked(?:: (.+))?$/;
const ABOUT_ROOMS = [401, 403, 404, 406, 409];
const NO_WAY = { unreachable: 'errors.unreachable', network: 'errors.network', closed: 'errors.closed' };

/**
 * @param {Error} error
 * @param {{ room?: string, token?: string, wasLive?: boolean, wasClosed?: boolean }} about the requested room, where it was one, whether it has been
 *   live here, or was closed, and the token that was sent
 * @returns {string} a sentence
 */
export function inWords(error, { room = '', token = '', wasLive = false, wasClosed = false } = {}) {
  const reason = error.message;
  const kind = error instanceof Refused ? error.status : error.name;
  if (!room && ABOUT_ROOMS.includes(kind)) return say('errors.failed', { reason });
  switch (kind) {
    case 400: return say('errors.rejected', { reason });
    case 401: return say(token ? 'errors.wrongToken' : 'errors.needsToken', { room });
    case 403: return refusal(reason, room);
    case 404: return wasClosed || reason === 'room closed' ? say('errors.roomClosed', { room }) : say(wasLive ? 'errors.over' : 'errors.notLive', { room });
    case 406: return say('errors.notPlayable', { room, reason });
    case 409: return say('errors.taken', { room });
    case 429: return say('errors.tooMany');
    case 503: return say('errors.unable');
    case 'NotAllowedError': return say('errors.notAllowed');
    case 'NotFoundError': return say('errors.noDevice');
    case 'NotReadableError': return say('errors.busyDevice');
    case 'NotConnected': return error.detail ? say('errors.networkWhy', { reason: error.detail }) : say(NO_WAY[error.reason]);
    case 'TypeError': return say('errors.unreachable');
    default: return say('errors.failed', { reason });
  }
}

/** Why a room lets nobody in, who may in general. */
function refusal(message, room) {
  const [blocked, reason] = BLOCKED.exec(message) ?? [];
  if (!blocked) return say('errors.full', { room });
  return reason ? say('errors.blockedWhy', { room, reason }) : say('errors.blocked', { room });
}
