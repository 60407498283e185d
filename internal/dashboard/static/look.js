// Colours, type and number formats that all charts share. The colours are those
// of page.css, so that charts follow light and dark.

// English dates as the server writes them: day, month, year.
const language = document.documentElement.lang === 'en' ? 'en-GB' : document.documentElement.lang;
const still = window.matchMedia('(prefers-reduced-motion: reduce)');

export function look() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    dark: document.documentElement.dataset.theme === 'dark',
    ink: color('ink'),
    muted: color('muted'),
    rule: color('rule'),
    faint: color('faint'),
    card: color('card'),
    accent: color('accent'),
    sea: color('sea'),
    land: color('land'),
    coast: color('coast'),
    edge: color('level-edge'),
    heat: [color('heat-low'), color('heat-high')],
    series: Array.from({ length: 8 }, (_, i) => color(`series-${i + 1}`)),
    font: getComputedStyle(document.body).fontFamily,
    size: Math.round(parseFloat(getComputedStyle(document.body).fontSize) * 0.82),
  };
}

// base is what every chart starts from.
export function base(look) {
  return {
    animation: !still.matches,
    animationDuration: 350,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: look.font, fontSize: look.size, color: look.ink },
    aria: { enabled: true, label: { enabled: false } }, // the page describes the charts itself
  };
}

export const text = (look, more = {}) => ({ color: look.ink, fontFamily: look.font, fontSize: look.size, ...more });

// valueAxis is the axis along bars, with fewer labels where there is little room.
export const valueAxis = (look, width, share = false) => ({
  type: 'value',
  splitNumber: width < 330 ? 2 : 4,
  axisLabel: text(look, { color: look.muted, formatter: (n) => (share ? number(n, true) : axisNumber(n)), hideOverlap: true }),
  splitLine: { lineStyle: { color: look.faint } },
});

// The hues of MONARC with a pattern for each, so that nothing hangs on colour.
const levels = {
  high: { rgb: [253, 102, 31], decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: Math.PI / 4 } },
  medium: { rgb: [255, 188, 28], decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [1, 8], rotation: -Math.PI / 4 } },
  low: { rgb: [214, 241, 7], decal: { symbol: 'circle', dashArrayX: [[6, 6], [0, 6, 6, 0]], dashArrayY: [6, 0], symbolSize: 0.55 } },
};

// levelStyle is how the bar of a level looks; residual risks at half strength.
export function levelStyle(code, residual, look) {
  const { rgb, decal } = levels[code];
  return {
    color: `rgba(${rgb.join(',')},${residual ? 0.5 : 1})`,
    borderColor: look.edge,
    borderWidth: 1.2,
    borderType: residual ? 'dashed' : 'solid',
    decal: { ...decal, color: residual ? 'rgba(0,0,0,0.2)' : 'rgba(0,0,0,0.34)' },
  };
}

// Marks tell the levels of lines apart, dashes the kinds of risks.
const levelMarks = { high: 'triangle', medium: 'diamond', low: 'circle' };
const kindDashes = {
  current: { informational: [], operational: [9, 5] },
  residual: { informational: [2, 5], operational: [9, 5, 2, 5] },
};

// levelLine is how the line of a level looks whose code is state-kind-level. The
// hues hardly show on white, nor at half strength on black: a casing does.
export function levelLine(code, look) {
  const [state, kind, level] = code.split('-');
  const residual = state === 'residual';
  return {
    color: residual ? over(levels[level].rgb, look.card, 0.5) : `rgb(${levels[level].rgb.join(', ')})`,
    dash: kindDashes[state][kind],
    width: 2.5,
    mark: levelMarks[level],
    casing: residual || !look.dark ? look.edge : null,
  };
}

// over is a colour at some strength over an opaque background, #rrggbb.
function over(rgb, background, strength) {
  const below = [1, 3, 5].map((at) => parseInt(background.slice(at, at + 2), 16));
  return `rgb(${rgb.map((c, i) => Math.round(c * strength + below[i] * (1 - strength))).join(', ')})`;
}

// number writes a figure as the server does.
export function number(value, share = false) {
  if (value === null || value === undefined) {
    return '–';
  }
  if (share) {
    return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 }).format(value);
  }
  const size = Math.abs(value);
  const decimals = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  const least = Number.isInteger(value) ? 0 : decimals;
  return new Intl.NumberFormat(language, { minimumFractionDigits: least, maximumFractionDigits: decimals }).format(value);
}

// axisNumber writes a figure with no more digits than it has.
export function axisNumber(value, most = 3) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: most }).format(value);
}

// clip cuts a name that is too long for its place.
export function clip(name, length) {
  const letters = [...name];
  return letters.length > length ? `${letters.slice(0, length - 1).join('').trimEnd()}…` : name;
}
