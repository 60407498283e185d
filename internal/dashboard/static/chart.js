// What the SVG of a chart cannot do by itself: values at the pointer and by arrow keys,
// hiding lines, zooming the map. All figures come from the table beside the chart, whose
// rows and columns the parts of the SVG name.

const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const mostRows = 14; // of a tooltip

export function enhance(plot, texts) {
  const figure = plot.closest('.chart');
  const tip = element('div', { className: 'tip', hidden: true, ariaHidden: 'true' });
  plot.append(tip);
  plot.tabIndex = 0;
  plot.setAttribute('role', 'application');
  plot.setAttribute('aria-roledescription', plot.dataset.role);
  plot.setAttribute('aria-label', plot.dataset.label);
  const reader = new Reader(plot, figure, tip);
  addPointer(plot, reader);
  addKeyboard(plot, reader);
  addSwitches(plot, reader);
  if (plot.querySelector('.mark')) {
    addZoom(plot, figure.querySelector('.mapbuttons'), texts);
  }
}

function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

// Reader knows what is read of a chart now.
class Reader {
  constructor(plot, figure, tip) {
    Object.assign(this, { plot, tip, at: -1, hidden: new Set() });
    this.spoken = figure.querySelector('.spoken');
    this.table = figure.querySelector('table');
  }

  // svg is the layout that has the room of this screen.
  svg() {
    return [...this.plot.querySelectorAll('svg')].find((svg) => svg.checkVisibility());
  }

  // points are what can be read, one after the other: steps of lines by their place,
  // parts of other charts.
  points() {
    const steps = this.svg().querySelector('[data-steps]');
    if (steps) {
      return steps.dataset.steps.split(' ').map((x, col) => ({ part: steps, x: Number(x), col: col + 2 }));
    }
    return [...this.svg().querySelectorAll('[data-row]')].map((part) => ({ part, row: part.dataset.row - 1, col: part.dataset.col - 1 }));
  }

  // said is what the table has of a point: a title, and names with values.
  said({ part, x, row, col }) {
    const text = (cell) => cell.textContent.trim();
    const heads = [...this.table.tHead.rows[0].cells].map(text);
    const rows = [...this.table.tBodies[0].rows].map((one) => [...one.cells].map(text));
    if (x !== undefined) {
      const shown = rows.filter((cells, i) => cells[col] !== '–' && !this.hidden.has(String(i + 1)));
      return [heads[col], shown.slice(0, mostRows).map((cells) => [cells[0], cells[col]])];
    }
    const cells = rows[row];
    if (col >= 0) {
      const [up, across] = heads[0].split(' \\ ');
      return [`${up} ${cells[0]} · ${across} ${heads[col]}`, [['', cells[col]]]];
    }
    const named = part.classList.contains('mark') ? 2 : 1; // by coordinates
    return [cells.slice(0, named).join(', '), cells.slice(named).map((value, i) => [heads[i + named], value])];
  }

  show(at) {
    const points = this.points();
    this.at = Math.max(0, Math.min(points.length - 1, at));
    const point = points[this.at];
    const [title, rows] = this.said(point);
    this.spoken.textContent = [title, ...rows.map(([name, value]) => (name ? `${name}: ${value}` : value))].join('. ');
    const list = rows.flatMap(([name, value]) => [element('dt', { textContent: name, dir: 'auto' }), element('dd', { textContent: value, dir: 'auto' })]);
    this.tip.replaceChildren(element('strong', { textContent: title, dir: 'auto' }), element('dl', {}, ...list));
    this.mark(point);
    this.tip.hidden = false;
    this.place(point);
  }

  hide() {
    this.at = -1;
    this.tip.hidden = true;
    this.spoken.textContent = '';
    this.mark();
  }

  mark(point) {
    this.plot.querySelectorAll('.on, .cursor').forEach((node) => (node.matches('.cursor') ? node.remove() : node.classList.remove('on')));
    if (point?.x !== undefined) {
      const box = point.part.getBBox();
      const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      line.setAttribute('d', `M${point.x} ${box.y}v${box.height}`);
      line.setAttribute('class', 'cursor');
      point.part.before(line);
    } else if (point) {
      point.part.classList.add('on');
    }
  }

  // place puts the tooltip beside the point, within the chart.
  place({ part, x }) {
    const [around, of] = [this.plot.getBoundingClientRect(), part.getBoundingClientRect()];
    const svg = this.svg();
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const left = x === undefined ? Math.min(of.right, of.left + of.width / 2) - around.left : x * scale;
    const width = this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, left + 14 + width > around.width ? left - 14 - width : left + 14)}px`;
    this.tip.style.top = `${Math.max(0, Math.min(of.top - around.top + of.height / 2, around.height - this.tip.offsetHeight))}px`;
  }
}

function addPointer(plot, reader) {
  plot.addEventListener('pointermove', ({ target, clientX }) => {
    const part = target.closest('[data-row], [data-steps]');
    if (!part || target.closest('.tip')) {
      return;
    }
    const svg = reader.svg();
    const box = svg.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const points = reader.points();
    const away = points.map((point) => (point.x === undefined ? Number(point.part !== part) : Math.abs(point.x - x)));
    const nearest = away.indexOf(Math.min(...away));
    if (nearest !== reader.at) {
      reader.show(nearest);
    }
  });
  plot.addEventListener('pointerleave', () => reader.hide());
}

function addKeyboard(plot, reader) {
  plot.addEventListener('keydown', (event) => {
    if (event.key in moves) {
      reader.show(reader.at + moves[event.key]);
    } else if (event.key === 'Home') {
      reader.show(0);
    } else if (event.key === 'End') {
      reader.show(Infinity);
    } else if (event.key === 'Enter' && event.target === plot && reader.at >= 0) {
      reader.points()[reader.at].part.closest('a')?.dispatchEvent(new MouseEvent('click'));
    } else {
      return;
    }
    event.preventDefault();
  });
  plot.addEventListener('focusin', ({ target }) => {
    const at = target.matches('[data-row]') ? reader.points().findIndex(({ part }) => part === target) : -1;
    if (at >= 0) {
      reader.show(at);
    }
  });
  plot.addEventListener('focusout', () => reader.hide());
  // A tooltip of the pointer covers what is below it until it can be dismissed.
  const dismiss = ({ key }) => {
    if (!plot.isConnected) {
      document.removeEventListener('keydown', dismiss);
    } else if (key === 'Escape') {
      reader.hide();
    }
  };
  document.addEventListener('keydown', dismiss);
}

// addSwitches makes the names of lines switches for them.
function addSwitches(plot, reader) {
  for (const name of plot.querySelectorAll('.key')) {
    const { series } = name.dataset;
    name.setAttribute('role', 'button');
    name.setAttribute('tabindex', '0');
    name.setAttribute('aria-pressed', 'true');
    const toggle = (event) => {
      const off = !reader.hidden.delete(series);
      if (off) {
        reader.hidden.add(series);
      }
      plot.querySelectorAll(`[data-series="${series}"]`).forEach((part) => part.classList.toggle('off', off));
      plot.querySelectorAll(`.key[data-series="${series}"]`).forEach((key) => key.setAttribute('aria-pressed', String(!off)));
      event.preventDefault();
    };
    name.addEventListener('click', toggle);
    name.addEventListener('keydown', (event) => [' ', 'Enter'].includes(event.key) && toggle(event));
  }
}

// addZoom adds buttons, and lets the pointer drag what is larger than its frame.
function addZoom(plot, buttons, texts) {
  const maps = [...plot.querySelectorAll('svg')].map((svg) => ({ svg, whole: svg.viewBox.baseVal }))
    .map(({ svg, whole: { width, height } }) => ({ svg, width, height }));
  let [zoom, x, y] = [1, 0.5, 0.5]; // the middle, as a share of the whole
  const show = () => {
    [x, y] = [x, y].map((share) => Math.max(0.5 / zoom, Math.min(1 - 0.5 / zoom, share)));
    for (const { svg, width, height } of maps) {
      svg.setAttribute('viewBox', [(x - 0.5 / zoom) * width, (y - 0.5 / zoom) * height, width / zoom, height / zoom].join(' '));
      svg.style.setProperty('--zoom', zoom);
    }
  };
  const button = (text, factor) => {
    const node = element('button', { type: 'button', textContent: text });
    node.addEventListener('click', () => {
      zoom = Math.max(1, Math.min(12, zoom * factor));
      show();
    });
    return node;
  };
  buttons.prepend(button(texts.script_zoom_in, 1.6), button(texts.script_zoom_out, 1 / 1.6));
  plot.addEventListener('pointermove', ({ buttons: pressed, movementX, movementY }) => {
    if (pressed === 1 && zoom > 1) {
      x -= movementX / plot.clientWidth / zoom;
      y -= movementY / plot.clientHeight / zoom;
      show();
    }
  });
}
