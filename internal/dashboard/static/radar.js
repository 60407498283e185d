// Current against target compliance by category. Fewer than three categories
// make no radar: they become bars.
import { base, clip, number, text } from './look.js';
import { legendList, lineSwatch, tip } from './tip.js';

// There is room for so many lines of a name above the radar.
const mostLines = 3;
const dashes = { current: [], target: [6, 4] };
const marks = { current: 'circle', target: 'rect' };

export function drawRadar(drawing, look, chart) {
  const colors = { current: look.series[0], target: look.series[1] };
  const bars = drawing.labels.length < 3;
  const common = {
    height: bars ? undefined : 2 * radiusIn(chart.canvas.clientWidth) + 120,
    points: drawing.labels.map((label, index) => ({
      text: `${label}. ${drawing.series.map((s) => `${s.name}: ${number(s.values[index], drawing.share)}`).join('. ')}`,
      series: 0, index: bars ? index : 0,
    })),
    legend: [legendList(drawing.series.map(({ code, name }) => [
      lineSwatch(colors[code], dashes[code], 2.5, marks[code]), name,
    ]))],
  };
  const option = bars ? barsOption(drawing, look, colors) : radarOption(drawing, look, colors, chart.canvas);
  return { ...common, option: { ...base(look), aria: { enabled: bars }, ...option } };
}

// radiusIn leaves room for the names at both sides.
function radiusIn(width) {
  return Math.max(56, Math.min(170, width / 2 - Math.max(76, width * 0.25)));
}

function radarOption(drawing, look, colors, canvas) {
  const radius = radiusIn(canvas.clientWidth);
  const letters = Math.max(6, Math.floor((canvas.clientWidth / 2 - radius - 12) / (look.size * 0.56)));
  const highest = Math.max(...drawing.series.flatMap(({ values }) => values), 0);
  return {
    tooltip: tip(look, 'item', ({ seriesIndex, name }) => ({
      title: name,
      rows: drawing.labels.map((label, i) => [clip(label, 40), number(drawing.series[seriesIndex].values[i], drawing.share)]),
    })),
    radar: {
      radius,
      splitNumber: 4,
      indicator: drawing.labels.map((name) => ({ name, min: 0, max: drawing.max || highest || 1 })),
      axisName: text(look, { formatter: (name) => wrap(clip(name, 44), letters), lineHeight: look.size * 1.25 }),
      axisNameGap: 10,
      splitArea: { show: false },
      splitLine: { lineStyle: { color: look.rule } },
      axisLine: { lineStyle: { color: look.rule } },
      axisLabel: text(look, { show: false }),
    },
    series: drawing.series.map(({ code, name, values }) => ({
      type: 'radar',
      name,
      data: [{ value: values.map((value) => value ?? 0), name }],
      symbol: marks[code],
      symbolSize: 7,
      lineStyle: { color: colors[code], width: 2.5, type: dashes[code].length > 0 ? dashes[code] : 'solid' },
      itemStyle: { color: colors[code] },
      areaStyle: { color: colors[code], opacity: code === 'current' ? 0.16 : 0 },
    })),
  };
}

// wrap breaks a name into lines of so many letters, between words where it can.
function wrap(name, letters) {
  const lines = [''];
  for (const word of name.split(/\s+/).flatMap((long) => pieces(long, letters))) {
    const last = lines.at(-1);
    if (last !== '' && last.length + 1 + word.length > letters) {
      lines.push(word);
    } else {
      lines[lines.length - 1] = `${last} ${word}`.trim();
    }
  }
  return (lines.length > mostLines ? [...lines.slice(0, mostLines - 1), `${lines[mostLines - 1]}…`] : lines).join('\n');
}

// pieces cuts a word that is too long for a line.
function pieces(word, letters) {
  const all = [...word];
  return all.length <= letters ? [word] : [`${all.slice(0, letters - 1).join('')}-`, ...pieces(all.slice(letters - 1).join(''), letters)];
}

function barsOption(drawing, look, colors) {
  return {
    grid: { left: 4, right: 48, top: 8, bottom: 4, containLabel: true },
    tooltip: tip(look, 'axis', ([first]) => ({
      title: drawing.labels[first.dataIndex],
      rows: drawing.series.map((series) => [series.name, number(series.values[first.dataIndex], drawing.share)]),
    })),
    xAxis: { type: 'value', min: 0, max: drawing.max || null, axisLabel: text(look, { formatter: (n) => number(n, drawing.share) }), splitLine: { lineStyle: { color: look.faint } } },
    yAxis: { type: 'category', inverse: true, data: drawing.labels, axisTick: { show: false }, axisLabel: text(look, { width: 120, overflow: 'break' }) },
    series: drawing.series.map(({ code, name, values }) => ({
      type: 'bar', name, data: values, barMaxWidth: 26, itemStyle: { color: colors[code] },
      label: text(look, { show: true, position: 'right', formatter: ({ value }) => number(value, drawing.share) }),
    })),
  };
}
