// Lines over time. Each has its colour, its dashes and its mark.
import { axisNumber, base, clip, levelLine, number, text } from './look.js';
import { extent, slots, ticks } from './time.js';
import { legendList, lineSwatch, tip } from './tip.js';

const marks = ['circle', 'rect', 'triangle', 'diamond'];
const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const tipRows = 12;
// Marks of a line that are closer, in pixels, hide it.
const roomOfMark = 11;
// How much wider than its line a casing is.
const casingWidth = 2.5;

export function drawLines(drawing, look, chart) {
  const width = chart.canvas.clientWidth;
  const styles = drawing.series.map((series, i) => styleOf(series, i, look));
  const steps = slots(drawing);
  const marked = drawing.rows.length * roomOfMark <= width;
  return {
    points: drawing.rows.map((_, row) => pointOf(drawing, steps, row)),
    legend: [legendList(drawing.series.map((series, i) => [
      lineSwatch(styles[i]), series.name,
      () => chart.echart.dispatchAction({ type: 'highlight', seriesIndex: i }),
      () => chart.echart.dispatchAction({ type: 'downplay', seriesIndex: i }),
    ]))],
    option: {
      ...base(look),
      aria: { enabled: false },
      grid: { left: 4, right: 26, top: 34, bottom: 4, containLabel: true },
      tooltip: { ...tip(look, 'axis', (params) => tipOf(drawing, steps, params)), axisPointer: { snap: true, lineStyle: { color: look.muted } } },
      xAxis: timeAxis(drawing.time, look, width),
      yAxis: {
        type: 'value', scale: true, name: drawing.name,
        nameTextStyle: text(look, { color: look.muted, align: 'left' }),
        axisLabel: text(look, { color: look.muted, formatter: (n) => axisNumber(n) }),
        splitLine: { lineStyle: { color: look.faint } },
      },
      series: [
        ...drawing.series.map((series, i) => lineOf(series, styles[i], steps, marked)),
        ...drawing.series.flatMap((series, i) => (styles[i].casing ? [casingOf(series, styles[i], steps)] : [])),
      ],
    },
  };
}

function timeAxis(time, look, width) {
  const [min, max] = extent(time);
  const labels = ticks(time, width - 60, look.size * 0.62);
  const moments = [...labels.keys()];
  return {
    type: 'value', min, max,
    axisLine: { lineStyle: { color: look.rule }, onZero: false },
    axisTick: { show: true, customValues: moments, lineStyle: { color: look.rule } },
    splitLine: { show: false },
    axisLabel: text(look, {
      color: look.muted, margin: 10, lineHeight: look.size * 1.3, customValues: moments,
      formatter: (at) => labels.get(at) ?? '',
    }),
    axisPointer: { label: { show: false } },
  };
}

// pointOf is a step for the arrow keys; its tooltip hangs on a line that knows it.
function pointOf(drawing, steps, row) {
  const known = drawing.series.findIndex(({ values }) => values[row] !== null);
  return {
    text: `${drawing.labels[row]}. ${drawing.series.map((s) => `${s.name}: ${number(s.values[row])}`).join('. ')}`,
    series: Math.max(known, 0), index: steps.findIndex((step) => step?.row === row),
  };
}

function styleOf(series, i, look) {
  if (series.code === 'mean') {
    return { color: look.ink, dash: [1, 4], width: 3.5, mark: null };
  }
  if (series.code) {
    return levelLine(series.code, look);
  }
  return {
    color: look.series[i % look.series.length],
    dash: dashes[Math.floor(i / look.series.length) % dashes.length],
    width: 2,
    mark: marks[i % marks.length],
  };
}

function lineOf(series, style, steps, marked) {
  return {
    type: 'line',
    name: series.name,
    data: dataOf(series, steps, (at) => (marked && style.mark) || alone(series, steps, at)),
    connectNulls: false,
    symbol: style.mark ?? 'circle',
    symbolSize: style.casing ? 8 : 7,
    showSymbol: true,
    showAllSymbol: true,
    lineStyle: { width: style.width, color: style.color, type: style.dash.length > 0 ? style.dash : 'solid', cap: 'round' },
    itemStyle: { color: style.color, ...(style.casing ? { borderColor: style.casing, borderWidth: 1 } : {}) },
    emphasis: { focus: 'series', lineStyle: { width: style.width + 1.5 } },
    z: series.code === 'mean' ? 5 : 3,
  };
}

// casingOf lies below a line whose colour alone would not be seen.
function casingOf(series, style, steps) {
  return {
    type: 'line',
    id: `casing of ${series.code}`,
    data: dataOf(series, steps, () => false),
    silent: true,
    symbol: 'none',
    lineStyle: { width: style.width + casingWidth, color: style.casing, type: style.dash.length > 0 ? style.dash : 'solid', cap: 'round' },
    emphasis: { disabled: true },
    z: 2,
  };
}

function dataOf({ values }, steps, marked) {
  return steps.map((step, at) => {
    if (step === null) {
      return [NaN, NaN];
    }
    const value = [step.at, values[step.row]];
    return marked(at) ? { value } : { value, symbol: 'none' };
  });
}

// alone tells whether a value has no neighbour: only its mark shows it.
function alone({ values }, steps, at) {
  const known = (step) => step && values[step.row] !== null;
  return !known(steps[at - 1]) && !known(steps[at + 1]);
}

// tipOf lists the highest values of a step.
function tipOf(drawing, steps, params) {
  const { row } = steps[params[0].dataIndex];
  const rows = params
    .filter(({ seriesIndex, value: [, value] }) => seriesIndex < drawing.series.length && Number.isFinite(value))
    .sort((a, b) => b.value[1] - a.value[1])
    .slice(0, tipRows)
    .map(({ seriesIndex, value: [, value] }) => [clip(drawing.series[seriesIndex].name, 48), number(value)]);
  return { title: drawing.labels[row], rows };
}
