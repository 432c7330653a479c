// Keyboard shortcuts of one key, inactive while somebody is typing.

/** @param {Record<string, () => void>} actions by `KeyboardEvent.key` */
export function onKeys(actions) {
  addEventListener('keydown', (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || target.closest('input, select, textarea, dialog')) return;
    if (!Object.hasOwn(actions, key)) return;
    event.preventDefault();
    actions[key]();
  });
}
