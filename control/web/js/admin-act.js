// What operators do: one request, after a question where it cannot be undone, and its outcome in words.
import { answered } from './confirm-dialog.js';
import { say } from './language.js';
import { ask, Refused } from './server.js';
import { ADMIN, tokenFor } from './token.js';
import { inWords } from './words.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);

/**
 * @param {object} of
 * @param {Parameters<typeof answered>[0]} [of.question] none: it is done at once
 * @param {string} of.path
 * @param {string} of.method
 * @param {(entered: FormData) => object | undefined} [of.body] as JSON; `entered`: into the fields
 * @param {(answer: object) => string} of.done in words, from the server's answer
 * @returns {Promise<boolean>} whether it was done
 */
export async function act({ question, path, method, body = () => undefined, done }) {
  const entered = question ? await answered(question) : new FormData();
  if (!entered) return false;
  const json = body(entered);
  try {
    const answer = await ask(path, {
      method,
      token: tokenFor(ADMIN),
      ...(json && { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } }),
    });
    element('done').textContent = done(answer);
    tellTrouble('');
    return true;
  } catch (error) {
    tellTrouble(spoken(error));
    return false;
  }
}

/** @param {string} words empty: there is none */
export function tellTrouble(words) {
  element('trouble').textContent = words;
  element('trouble').hidden = !words;
}

/** @param {Error} error */
function spoken(error) {
  if (!(error instanceof Refused)) return inWords(error);
  if (error.status === 404) return say('admin.gone');
  return error.status === 401 ? say('admin.wrongToken') : say('admin.refused', { reason: error.message });
}
