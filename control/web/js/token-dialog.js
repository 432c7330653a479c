// Asks for a token when the server requires one.
import { say } from './language.js';
import { keepToken, tokenFor } from './token.js';

/**
 * Opens a dialog that asks for the token of `scope`, and keeps what is entered.
 * @param {string} scope a room's name, or `ADMIN`
 * @param {string} reason shown to people
 * @returns {Promise<string>} the token; empty: the dialog was dismissed
 */
export function askForToken(scope, reason) {
  const dialog = document.createElement('dialog');
  dialog.className = 'token-dialog';
  dialog.setAttribute('aria-labelledby', 'token-title');
  dialog.innerHTML = `
    <form method="dialog">
      <h2 id="token-title">${say('token.title')}</h2>
      <p id="token-reason" class="quiet"></p>
      <div class="field">
        <label for="token">${say('token.token')}</label>
        <input id="token" type="password" autocomplete="off" required aria-describedby="token-reason token-hint">
        <p id="token-hint" class="hint">${say('token.hint')}</p>
      </div>
      <div class="buttons">
        <button class="button" type="button" value="cancel">${say('token.cancel')}</button>
        <button class="button primary" type="submit">${say('token.continue')}</button>
      </div>
    </form>`;
  dialog.querySelector('#token-reason').textContent = reason;
  const input = dialog.querySelector('input');
  input.value = tokenFor(scope);
  dialog.querySelector('[value="cancel"]').addEventListener('click', () => dialog.close());
  document.body.append(dialog);
  return new Promise((resolve) => {
    let token = '';
    dialog.querySelector('form').addEventListener('submit', () => {
      token = input.value.trim();
      keepToken(scope, token);
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(token);
    });
    dialog.showModal();
    input.select();
  });
}
