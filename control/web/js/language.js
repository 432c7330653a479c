// The page's language, and the words in it that scripts say: the server sends them with the page.

/** Of the page, BCP 47. */
const PAGE = document.documentElement.lang;

/** For figures and dates: the language of the page as people here write it, `de-AT`, where the browser says so. */
export const LOCALE = navigator.languages.find((tag) => tag.split('-')[0] === PAGE.split('-')[0] && isKnown(tag)) ?? PAGE;

const WORDS = JSON.parse(document.getElementById('words')?.textContent ?? '{}');
const rules = new Intl.PluralRules(PAGE);
const number = new Intl.NumberFormat(LOCALE);

/** Some browsers have `en-US@posix`, which `Intl` does not take. @param {string} tag */
function isKnown(tag) {
  try {
    return Intl.NumberFormat.supportedLocalesOf(tag).length > 0;
  } catch {
    return false;
  }
}

/**
 * A word with values in its places. One that the page does not have is said by its name: the page came from a server of
 * another version.
 * @param {string} key `rooms.viewers`
 * @param {Record<string, string | number>} [values] `count` chooses between singular and plural
 */
export function say(key, values = {}) {
  const found = WORDS[key] ?? key;
  const text = typeof found === 'string' ? found : found[rules.select(values.count)] ?? found.other;
  return text.replace(/\{(\w+)\}/g, (place, name) => {
    const value = values[name] ?? place;
    return typeof value === 'number' ? number.format(value) : apart(value);
  });
}

const TURNING = /[\u202a-\u202e\u2066-\u2069]/g; // what turns the text behind it around
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A value of a stranger turns no other words around. @param {string} value */
function apart(value) {
  const text = String(value).replace(TURNING, '');
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text; // an isolate
}
