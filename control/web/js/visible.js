// Repeats work while the page is visible.

/**
 * Runs `work` at once, and again `seconds` after it is done. It pauses while the page is hidden, and runs at once when
 * the page is shown again.
 * @param {number} seconds
 * @param {() => Promise<void>} work must not throw
 */
export async function whileVisible(seconds, work) {
  for (;;) {
    if (document.hidden) await shown();
    await work();
    await new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });
  }
}

function shown() {
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', resolve, { once: true });
  });
}
