// Tooltips and legends as DOM nodes: names in them are text, never markup.

export function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

// tip returns the options of a tooltip. content gets what ECharts passes to
// formatters and returns {title, rows, lines}.
export function tip(look, trigger, content) {
  return {
    trigger,
    confine: true,
    enterable: true, // who magnifies the screen has to move the pointer to read
    backgroundColor: look.card,
    borderColor: look.rule,
    borderWidth: 1,
    padding: [7, 10],
    textStyle: { color: look.ink, fontFamily: look.font },
    transitionDuration: 0,
    formatter: (params) => {
      const { title, rows = [], lines = [] } = content(params);
      const list = element('dl', {}, ...rows.flatMap(([name, value]) => [
        element('dt', { textContent: name, dir: 'auto' }), element('dd', { textContent: value }),
      ]));
      return element('div', { className: 'tip' },
        element('strong', { textContent: title, dir: 'auto' }),
        ...(rows.length > 0 ? [list] : []),
        ...lines.map((line) => element('p', { textContent: line, dir: 'auto' })));
    },
  };
}

// legendList is a list of swatches with names.
export function legendList(entries) {
  return element('ul', {}, ...entries.map(([swatch, name, onEnter, onLeave]) => {
    const item = element('li', {}, swatch, element('span', { textContent: name, dir: 'auto', title: name }));
    if (onEnter) {
      item.addEventListener('pointerenter', onEnter);
      item.addEventListener('pointerleave', onLeave);
    }
    return item;
  }));
}

const svg = 'http://www.w3.org/2000/svg';

function shape(name, attributes) {
  const node = document.createElementNS(svg, name);
  for (const [key, value] of Object.entries(attributes)) {
    node.setAttribute(key, value);
  }
  return node;
}

// lineSwatch is a short piece of a line with its mark.
export function lineSwatch({ color, dash, width, mark, casing }) {
  const picture = shape('svg', { width: 38, height: 14, viewBox: '0 0 38 14' });
  const line = (stroke, wide) => shape('line', {
    x1: 2, y1: 7, x2: 36, y2: 7, stroke, 'stroke-width': wide, 'stroke-dasharray': dash.join(' '), 'stroke-linecap': 'round',
  });
  picture.append(...(casing ? [line(casing, width + 2.5)] : []), line(color, width));
  if (mark) {
    picture.append(shape('path', { d: marks[mark], fill: color, ...(casing ? { stroke: casing } : {}) }));
  }
  return picture;
}

const marks = {
  circle: 'M19 3a4 4 0 1 0 .01 0z',
  rect: 'M15 3h8v8h-8z',
  triangle: 'M19 2.5l5 8.5h-10z',
  diamond: 'M19 2l5 5-5 5-5-5z',
};

// boxSwatch is a filled box.
export function boxSwatch(fill, stroke) {
  const picture = shape('svg', { width: 16, height: 14, viewBox: '0 0 16 14' });
  picture.append(shape('rect', { x: 1, y: 1, width: 14, height: 12, rx: 2, fill, stroke }));
  return picture;
}
