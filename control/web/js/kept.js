// What this browser keeps from one visit to the next. Where storage is denied, as in some frames, it is for this page.

/** @param {string} key @returns {string} empty: nothing */
export function read(key) {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} key @param {string} text */
export function write(key, text) {
  try {
    localStorage.setItem(key, text);
  } catch { /* it is for this page */ }
}
