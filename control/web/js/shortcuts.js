// Keyboard shortcuts of one key, inactive while somebody is typing.

/** @param {Record<string, () => unknown>} actions by `KeyboardEvent.key`; one that returns false leaves the key to the browser */
export function onKeys(actions) {
  addEventListener('keydown', (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || target.closest('input, select, textarea, dialog')) return;
    if (!Object.hasOwn(actions, key) || (key === ' ' && target.closest('a, button'))) return;
    if (actions[key]() !== false) event.preventDefault();
  });
}
