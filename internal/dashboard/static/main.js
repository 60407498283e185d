// What every page does beside being read: the switch of colours, and charts
// where there are any.
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

// On a narrow screen the navigation is a row to scroll: show where we are.
document.querySelector('.pages [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });

const figures = [...document.querySelectorAll('.chart')].filter((figure) => figure.querySelector('.drawing'));
if (figures.length > 0) {
  const { drawAll } = await import('./draw.js');
  await drawAll(figures, texts);
}
document.documentElement.dataset.ready = 'true';
fetchMap();

// fetchMap has the outline of the world at hand before somebody goes to the map:
// it is the one large file that the other pages do not need.
function fetchMap() {
  const map = document.querySelector('.pages a[href*="/stats/map"]');
  if (map && !navigator.connection?.saveData) {
    fetch(new URL('world.json', import.meta.url), { priority: 'low' }).then((answer) => answer.blob()).catch(() => {});
  }
}
