// Asks for confirmation before an action that cannot be undone, and for what the action needs to know.
import { say } from './language.js';

/**
 * @param {object} of
 * @param {string} of.question the title
 * @param {string} of.text what will happen
 * @param {string} [of.warning] what speaks against it
 * @param {string} of.action the button that does it
 * @param {HTMLTemplateElement} [of.fields] shown above the buttons
 * @param {(form: HTMLFormElement) => void} [of.fill] enters into them what is known
 * @param {boolean} [of.isSafe] the action can be undone
 * @returns {Promise<FormData | null>} what was entered; null: it was not confirmed
 */
export function answered({ question, text, warning = '', action, fields, fill = () => {}, isSafe = false }) {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-labelledby', 'confirm-title');
  dialog.setAttribute('aria-describedby', 'confirm-text');
  dialog.innerHTML = `
    <form method="dialog">
      <h2 id="confirm-title"></h2>
      <div id="confirm-text" class="stack">
        <p class="quiet"></p>
        <p class="notice waiting" hidden></p>
      </div>
      <div class="buttons">
        <button class="button" value="no" ${isSafe ? 'type="button"' : 'autofocus'}>${say('confirm.cancel')}</button>
        <button class="button ${isSafe ? 'primary' : 'danger'}" value="yes"></button>
      </div>
    </form>`;
  dialog.querySelector('h2').textContent = question;
  dialog.querySelector('p').textContent = text;
  dialog.querySelector('.notice').textContent = warning;
  dialog.querySelector('.notice').hidden = !warning;
  dialog.querySelector('[value="yes"]').textContent = action;
  if (fields) dialog.querySelector('.buttons').before(fields.content.cloneNode(true));
  fill(dialog.querySelector('form'));
  dialog.querySelector('[value="no"]').addEventListener('click', () => dialog.close('no')); // the first one of a form is what Enter does
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const entered = new FormData(dialog.querySelector('form'));
      dialog.remove();
      resolve(dialog.returnValue === 'yes' ? entered : null);
    });
  });
}
