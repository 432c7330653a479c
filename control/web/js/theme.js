// Light or dark, as chosen by hand. A plain script in the head, so that it runs before the first paint.
(() => {
  const KEY = 'roomcast-theme';
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const current = () => root.dataset.theme ?? (system.matches ? 'dark' : 'light');

  try {
    const chosen = localStorage.getItem(KEY);
    if (chosen === 'light' || chosen === 'dark') root.dataset.theme = chosen;
  } catch { /* storage is denied: the system's setting applies */ }

  addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const tell = () => button?.setAttribute('aria-pressed', String(current() === 'dark'));
    button?.addEventListener('click', () => {
      root.dataset.theme = current() === 'dark' ? 'light' : 'dark';
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch { /* for this page only */ }
      tell();
    });
    system.addEventListener('change', tell);
    tell();
  });
})();
