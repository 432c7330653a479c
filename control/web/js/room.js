// The room in a page's address.

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The last part of the page's address, `demo` of `/watch/demo`. @returns {string | null} null: not a valid room name */
export function roomOfPage() {
  const last = location.pathname.split('/').at(-1);
  return NAME.test(last) ? last : null;
}
