// Buttons that copy the text or value of another element: `<button data-copy="id of the element">`.
// An element may have something else for them, as `copied`.
import { say } from './language.js';

const SHOWN_MS = 1500;

/** @param {HTMLElement} status announces the result to screen readers */
export function enableCopyButtons(status) {
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', async () => {
      const element = document.getElementById(button.dataset.copy);
      const copied = await copy(element);
      status.textContent = '';
      status.textContent = say(copied ? 'copy.copied' : 'copy.selected');
      button.classList.toggle('copied', copied);
      setTimeout(() => button.classList.remove('copied'), SHOWN_MS);
    });
  }
}

async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.copied ?? element.value ?? element.textContent);
    return true;
  } catch { // not allowed over plain HTTP
    if (element.select) element.select();
    else getSelection().selectAllChildren(element);
    return false;
  }
}
