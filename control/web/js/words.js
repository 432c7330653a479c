// Errors in words for people.
import { Refused } from './server.js';

/**
 * @param {Error} error
 * @param {{ room?: string, token?: string }} about the requested room, and the token that was sent
 * @returns {string} a sentence
 */
export function inWords(error, { room = 'this room', token = '' } = {}) {
  switch (error instanceof Refused ? error.status : error.name) {
    case 400: return `The server rejects this: ${error.message}.`;
    case 401: return token ? `The token is wrong for ${room}.` : `${room} requires a token.`;
    case 403: return `${room} is full.`;
    case 404: return `${room} is not live yet.`;
    case 406: return `This browser cannot play ${room}: ${error.message}.`;
    case 409: return `Somebody else publishes in ${room}.`;
    case 429: return 'Too many requests.';
    case 503: return 'The server cannot do this at the moment.';
    case 'NotAllowedError': return 'The browser may not use the camera and microphone.';
    case 'NotFoundError': return 'There is no camera or no microphone.';
    case 'NotReadableError': return 'The camera or microphone is in use elsewhere.';
    case 'NotConnected': return `${error.message[0].toUpperCase()}${error.message.slice(1)}.`;
    case 'TypeError': return 'The server cannot be reached.';
    default: return `That did not work: ${error.message}.`;
  }
}
