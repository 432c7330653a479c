// The server that these modules came from: where it is, and what it refuses.

/** Its root, whatever path prefix a proxy puts before it, and from whichever page this module was loaded. */
export const ROOT = new URL('../../', import.meta.url);

/** A request that the server refused, with its own words for it. */
export class Refused extends Error {
  /**
   * @param {number} status HTTP status
   * @param {string} message the server's reason
   * @param {number} retryAfter seconds after which another try makes sense; NaN: it did not say
   */
  constructor(status, message, retryAfter = NaN) {
    super(message);
    this.name = 'Refused';
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** @param {Response} response */
  static async from(response) {
    const { error, detail } = await response.json().catch(() => ({}));
    const message = [error ?? `status ${response.status}`, detail].filter(Boolean).join(': ');
    return new Refused(response.status, message, Number.parseInt(response.headers.get('Retry-After'), 10));
  }
}

/** @param {string} token empty: none */
export const authorization = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

/**
 * One request to the API; what it answers is JSON.
 * @param {string | URL} path relative to the server's root: `api/rooms`
 * @param {RequestInit & { token?: string, root?: URL }} [options] as for fetch
 * @throws {Refused} any status but 2xx
 * @throws {TypeError} the server cannot be reached
 */
export async function ask(path, { token = '', root = ROOT, headers, ...options } = {}) {
  const response = await fetch(new URL(path, root), {
    cache: 'no-store',
    ...options,
    headers: { ...headers, ...authorization(token) },
  });
  if (!response.ok) throw await Refused.from(response);
  return response.json();
}
