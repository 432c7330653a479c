// The server from which these modules were loaded: its address, and requests to it.
import { request } from './requests.js';

export { authorization, Refused } from './requests.js';

/** Its root, also below a proxy's path prefix, and also when a page of another site loaded this module. */
export const ROOT = new URL('../../', import.meta.url);

/**
 * As `request`, of this server.
 * @param {string} path relative to its root: `api/rooms`
 * @param {RequestInit & { token?: string }} [options]
 */
export const ask = (path, options) => request(new URL(path, ROOT), options);
