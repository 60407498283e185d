// Current against target compliance by category. A radar needs three categories,
// room for their names, and a value on each axis: what is not known would be drawn
// as nothing at all. Otherwise there are bars.
import { base, clip, number, text, valueAxis } from './look.js';
import { nameAxis, rowHeight } from './names.js';
import { boxSwatch, legendList, lineSwatch, tip } from './tip.js';

// There is room for so many lines of a name beside the radar.
const mostLines = 3;
const longestName = 60;
const lineHeight = 1.25;
// Pixels between the radar and the names, and the smallest radius that shows anything.
const gap = 14;
const smallest = 80;
const dashes = { current: [], target: [6, 4] };
const marks = { current: 'circle', target: 'rect' };
const barWidth = 13;

export function drawRadar(drawing, look, chart) {
  const colors = { current: look.series[0], target: look.series[1] };
  const around = namesAround(drawing, look, chart.canvas.clientWidth);
  const points = drawing.labels.map((label, index) => ({
    text: `${label}. ${drawing.series.map((s) => `${s.name}: ${number(s.values[index], drawing.share)}`).join('. ')}`,
    series: 0, index: around ? 0 : index,
  }));
  return { points, ...(around ? radar(drawing, look, colors, around) : bars(drawing, look, colors, chart)) };
}

// namesAround returns the names in lines beside the radar and the radius that they
// leave, or nothing where there can be no radar.
function namesAround({ labels, series }, look, width) {
  const unknown = series.some(({ values }) => values.some((value) => value === null));
  const names = labels.map((label) => clip(label, longestName));
  const letter = look.size * 0.58;
  const longestWord = Math.max(...names.flatMap((name) => name.split(/\s+/)).map((word) => word.length));
  const radius = Math.min(170, width / 4, width / 2 - gap - longestWord * letter);
  if (labels.length < 3 || unknown || radius < smallest) {
    return null;
  }
  const letters = Math.floor((width / 2 - radius - gap) / letter);
  const wrapped = names.map((name) => wrap(name, letters));
  return wrapped.every((lines) => lines.length <= mostLines) ? { radius, names: wrapped.map((lines) => lines.join('\n')), most: Math.max(...wrapped.map(({ length }) => length)) } : null;
}

// wrap breaks a name into lines of so many letters, between its words.
function wrap(name, letters) {
  const lines = [];
  for (const word of name.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= letters) {
      lines[lines.length - 1] = longer;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

function radar(drawing, look, colors, { radius, names, most }) {
  const highest = Math.max(...drawing.series.flatMap(({ values }) => values), 0);
  return {
    height: 2 * (radius + gap + most * look.size * lineHeight + 6),
    legend: [legendList(drawing.series.map(({ code, name }) => [
      lineSwatch({ color: colors[code], dash: dashes[code], width: 2.5, mark: marks[code] }), name,
    ]))],
    option: {
      ...base(look),
      aria: { enabled: false },
      tooltip: tip(look, 'item', () => ({
        title: drawing.series.map(({ name }) => name).join(' / '),
        rows: drawing.labels.map((label, i) => [clip(label, 40), drawing.series.map(({ values }) => number(values[i], drawing.share)).join(' / ')]),
      })),
      radar: {
        radius,
        splitNumber: 4,
        indicator: names.map((name) => ({ name, min: 0, max: drawing.max || highest || 1 })),
        axisName: text(look, { lineHeight: look.size * lineHeight }),
        axisNameGap: 10,
        splitArea: { show: false },
        splitLine: { lineStyle: { color: look.rule } },
        axisLine: { lineStyle: { color: look.rule } },
        axisLabel: text(look, { show: false }),
      },
      series: drawing.series.map(({ code, name, values }) => ({
        type: 'radar',
        name,
        data: [{ value: values, name }],
        symbol: marks[code],
        symbolSize: 7,
        lineStyle: { color: colors[code], width: 2.5, type: dashes[code].length > 0 ? dashes[code] : 'solid' },
        itemStyle: { color: colors[code] },
        areaStyle: { color: colors[code], opacity: code === 'current' ? 0.16 : 0 },
      })),
    },
  };
}

function bars(drawing, look, colors, chart) {
  const both = 2 * barWidth + 4;
  const fill = (code) => (code === 'current' ? colors.current : look.card);
  return {
    height: Math.round(drawing.labels.length * rowHeight(look, both) + look.size * 2 + 14),
    legend: [legendList(drawing.series.map(({ code, name }) => [boxSwatch(fill(code), colors[code]), name]))],
    option: {
      ...base(look),
      aria: { enabled: false },
      grid: { left: 6, right: look.size * 4, top: 12, bottom: Math.round(look.size * 2), containLabel: false },
      tooltip: tip(look, 'axis', ([first]) => ({
        title: drawing.labels[first.dataIndex],
        rows: drawing.series.map((series) => [series.name, number(series.values[first.dataIndex], drawing.share)]),
      })),
      xAxis: { ...valueAxis(look, chart.canvas.clientWidth, drawing.share), min: 0, max: drawing.max || null, interval: drawing.share ? 0.25 : null },
      yAxis: nameAxis(drawing.labels.map((label, i) => withUnknown(label, drawing, i)), look, chart.canvas.clientWidth, both),
      series: drawing.series.map(({ code, name, values }) => ({
        type: 'bar',
        name,
        data: values,
        barWidth,
        barGap: '30%',
        itemStyle: { color: fill(code), borderColor: colors[code], borderWidth: 2, borderRadius: [0, 2, 2, 0] },
        label: text(look, { show: true, position: 'right', formatter: ({ value }) => number(value, drawing.share) }),
      })),
    },
  };
}

// withUnknown says at the name what has no bar, which could be taken for none at all.
function withUnknown(label, { series }, at) {
  const unknown = series.filter(({ values }) => values[at] === null).map(({ name }) => `${name}: ${number(null)}`);
  return unknown.length > 0 ? `${clip(label, 40)} (${unknown.join(', ')})` : label;
}
