// Runs before the page is painted: light or dark, as chosen here before or as
// the device has it. The choice stays in this browser. What only scripts can do has its
// place from now on, so that nothing moves when they are ready.
(() => {
  const device = window.matchMedia('(prefers-color-scheme: dark)');
  const stored = () => {
    try { return window.localStorage.getItem('theme'); } catch { return null; }
  };
  const apply = () => {
    const chosen = stored();
    const dark = chosen === 'dark' || (chosen !== 'light' && device.matches);
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    document.dispatchEvent(new CustomEvent('themechange'));
  };
  if (navigator.clipboard) document.documentElement.dataset.copies = 'true';
  device.addEventListener('change', apply);
  window.theme = {
    get: () => stored() ?? 'auto',
    set(name) {
      try { window.localStorage.setItem('theme', name); } catch { /* the choice lasts as long as the page */ }
      apply();
      if (stored() === null && name !== 'auto') document.documentElement.dataset.theme = name;
    },
  };
  apply();
})();
