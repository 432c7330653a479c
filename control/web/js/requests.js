// Requests to the API of any server, and its refusals. No address of a server is known here: the npm package has it, too.

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
    const { error, detail } = (await response.json().catch(() => null)) ?? {}; // of other servers it may be anything
    const message = [text(error) || `status ${response.status}`, text(detail)].filter(Boolean).join(': ');
    return new Refused(response.status, message, Number.parseInt(response.headers.get('Retry-After'), 10));
  }
}

const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : '');

/** @param {string} token empty: none */
export const authorization = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

/**
 * One request to the API. Returns the JSON of the response.
 * @param {URL} url
 * @param {RequestInit & { token?: string }} [options] as for fetch
 * @throws {Refused} any status but 2xx
 * @throws {TypeError} the server cannot be reached
 */
export async function request(url, { token = '', headers, ...options } = {}) {
  const response = await fetch(url, {
    cache: 'no-store',
    ...options,
    headers: { ...headers, ...authorization(token) },
  });
  if (!response.ok) throw await Refused.from(response);
  return response.json();
}
