// The server from which these modules were loaded: its address, requests to it, and its refusals.

/** Its root, also below a proxy's path prefix, and also when a page of another site loaded this module. */
export const ROOT = new URL('../../', import.meta.url);

/** The server refused a request; `message` is the server's. */
export class Refused extends Error {
  /**
   * @param {number} status HTTP status
   * @param {string} message the server's reason
   * @param {number} retryAfter seconds after which another try makes sense; NaN: not given
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
 * One request to the API. Returns the JSON of the response.
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
