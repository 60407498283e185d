// What every page does beside being read: the switch of colours, and what charts
// answer to.
import { enhance } from './chart.js';
import { keepPlace } from './place.js';

const texts = JSON.parse(document.getElementById('texts').textContent);
const themes = ['auto', 'light', 'dark'];

const button = document.querySelector('.theme');
if (button) {
  const show = () => {
    const name = texts[`theme_${window.theme.get()}`];
    button.querySelector('.theme-name').textContent = name;
    button.setAttribute('aria-label', `${button.dataset.label}: ${name}`);
  };
  button.addEventListener('click', () => {
    const next = (themes.indexOf(window.theme.get()) + 1) % themes.length;
    window.theme.set(themes[next]);
    show();
  });
  show();
  button.hidden = false;
}

const ready = () => {
  // On a narrow screen the navigation is a row to scroll: show where we are. With
  // scrollIntoView, the Tab key would go on from there instead of from the top.
  const here = document.querySelector('.pages [aria-current]');
  if (here) {
    const row = here.closest('.pages');
    const { left, width } = here.getBoundingClientRect();
    row.scrollLeft += left - row.getBoundingClientRect().left - (row.clientWidth - width) / 2;
  }
  document.querySelectorAll('.print').forEach((print) => { print.hidden = false; });
  document.querySelectorAll('.plot').forEach((plot) => enhance(plot, texts));
  document.documentElement.dataset.ready = 'true';
};
ready();
keepPlace(ready);
document.addEventListener('click', ({ target }) => target.closest('.print') && window.print());

// Buttons copy what they carry, with this site in front of addresses that lack it.
if (navigator.clipboard) {
  document.addEventListener('click', async ({ target }) => {
    const copy = target.closest('[data-copy]');
    if (!copy) return;
    await navigator.clipboard.writeText(copy.dataset.copy.replace(/^\/|(?<=src=")\//, `${window.location.origin}/`));
    const label = copy.firstElementChild;
    const before = label.textContent;
    if (before === copy.dataset.done) return;
    label.textContent = copy.dataset.done;
    setTimeout(() => { label.textContent = before; }, 3000);
  });
}
