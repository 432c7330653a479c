// Buttons that copy what another element says or holds: `<button data-copy="id of the element">`.

const SHOWN_MS = 1500;

/** @param {HTMLElement} told says so to those who cannot see it */
export function enableCopyButtons(told) {
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', async () => {
      const element = document.getElementById(button.dataset.copy);
      const copied = await copy(element);
      told.textContent = '';
      told.textContent = copied ? 'Copied.' : 'Selected: copy it by hand.';
      button.classList.toggle('copied', copied);
      setTimeout(() => button.classList.remove('copied'), SHOWN_MS);
    });
  }
}

async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.value ?? element.textContent);
    return true;
  } catch { // not over plain HTTP
    if (element.select) element.select();
    else getSelection().selectAllChildren(element);
    return false;
  }
}
