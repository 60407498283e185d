// A map of risks: impact upwards, likelihood to the right, the number in the cell.
import { axisNumber, base, number, text } from './look.js';
import { boxSwatch, element, tip } from './tip.js';

const steps = 6;
// Below this width of a cell, in pixels, a number does not fit.
const readable = 25;

export function drawHeat(drawing, look, chart) {
  const colors = Array.from({ length: steps }, (_, i) => mix(look.heat, i / (steps - 1)));
  const step = (value) => Math.min(steps - 1, Math.floor((value / (drawing.max || 1)) * steps));
  const cell = (chart.canvas.clientWidth - 60) / drawing.labels.length;
  const inCell = ([, , value]) => cell >= readable && value > 0;
  const describe = ([x, y, value]) => `${drawing.axes[1]} ${drawing.rows[y]}, ${drawing.axes[0]} ${drawing.labels[x]}: ${number(value)}`;
  return {
    height: Math.max(190, drawing.rows.length * 42 + 56),
    points: drawing.cells.map((value, index) => ({ text: describe(value), series: 0, index })),
    legend: [legend(drawing, look, colors)],
    option: {
      ...base(look),
      aria: { enabled: false },
      grid: { left: 22, right: 4, top: 6, bottom: 22, containLabel: true },
      tooltip: tip(look, 'item', ({ value: [x, y, value] }) => ({
        title: `${drawing.axes[1]} ${drawing.rows[y]} · ${drawing.axes[0]} ${drawing.labels[x]}`,
        rows: [[drawing.name, number(value)]],
      })),
      xAxis: axis(drawing.labels, drawing.axes[0], 26, look, Math.min(look.size, cell * 0.6)),
      yAxis: axis(drawing.rows, drawing.axes[1], 24, look, look.size),
      visualMap: {
        show: false, type: 'piecewise', dimension: 2,
        pieces: pieces(drawing, look, colors),
      },
      series: [{
        type: 'heatmap',
        name: drawing.name,
        data: drawing.cells.map((value) => ({
          value,
          label: text(look, { show: inCell(value), color: contrast(colors[step(value[2])]), fontSize: look.size - 1, formatter: () => short(value[2]) }),
        })),
        itemStyle: { borderColor: look.card, borderWidth: 2, borderRadius: 3 },
        emphasis: { itemStyle: { borderColor: look.ink } },
      }],
    },
  };
}

function axis(values, name, gap, look, size) {
  return {
    type: 'category', data: values, name, nameLocation: 'middle', nameGap: gap,
    nameTextStyle: text(look, { color: look.muted }),
    axisLabel: text(look, { interval: 0, fontSize: size }), axisLine: { show: false }, axisTick: { show: false },
  };
}

function pieces(drawing, look, colors) {
  const width = (drawing.max || 1) / steps;
  const empty = { lt: 0.0000001, color: look.faint };
  return [empty, ...colors.map((color, i) => ({
    gte: i === 0 ? 0.0000001 : i * width, ...(i === steps - 1 ? {} : { lt: (i + 1) * width }), color,
  }))];
}

function legend(drawing, look, colors) {
  if (!drawing.max) {
    return '';
  }
  const boxes = colors.map((color) => boxSwatch(color, look.rule));
  return element('span', { className: 'scale' }, '0', ...boxes, number(drawing.max));
}

// A cell that is not empty does not say 0.
const short = (value) => (value < 0.05 ? `<${axisNumber(0.1)}` : axisNumber(value, value < 10 ? 1 : 0));

const parse = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function mix([from, to], share) {
  const [a, b] = [parse(from), parse(to)];
  return `#${a.map((c, i) => Math.round(c + (b[i] - c) * share).toString(16).padStart(2, '0')).join('')}`;
}

// contrast is black or white, whichever is easier to read on a colour.
function contrast(color) {
  const [r, g, b] = parse(color).map((c) => (c / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? '#0b141a' : '#ffffff';
}
