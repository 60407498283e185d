// The risks of each level, current above residual.
import { base, levelStyle, number, text, valueAxis } from './look.js';
import { boxSwatch, legendList, tip } from './tip.js';

export function drawLevels(drawing, look, chart) {
  const [current, residual] = drawing.series;
  return {
    height: drawing.labels.length * 76 + 24,
    points: drawing.labels.flatMap((label, index) => drawing.series.map((series, i) => ({
      text: `${label}, ${series.name}: ${number(series.values[index])}`, series: i, index,
    }))),
    legend: [legendList([
      [boxSwatch(look.muted, look.ink), current.name],
      [paleSwatch(look), residual.name],
    ])],
    option: {
      ...base(look),
      grid: { left: 4, right: 56, top: 8, bottom: 8, containLabel: true },
      tooltip: tip(look, 'axis', ([first]) => ({
        title: drawing.labels[first.dataIndex],
        rows: drawing.series.map((series) => [series.name, number(series.values[first.dataIndex])]),
      })),
      xAxis: { ...valueAxis(look, chart.canvas.clientWidth), min: 0 },
      yAxis: {
        type: 'category', inverse: true, data: drawing.labels,
        axisLine: { lineStyle: { color: look.rule } }, axisTick: { show: false },
        axisLabel: text(look, { fontSize: look.size + 1, fontWeight: 600 }),
      },
      series: drawing.series.map((series) => levelBars(drawing, series, look)),
    },
  };
}

function levelBars(drawing, series, look) {
  return {
    type: 'bar',
    name: series.name,
    barWidth: 22,
    barGap: '18%',
    data: series.values.map((value, i) => ({
      value, itemStyle: levelStyle(drawing.rows[i], series.code === 'residual', look),
    })),
    label: text(look, { show: true, position: 'right', formatter: ({ value }) => number(value), fontWeight: series.code === 'residual' ? 400 : 650 }),
  };
}

function paleSwatch(look) {
  const swatch = boxSwatch(look.muted, look.ink);
  swatch.firstChild.setAttribute('fill-opacity', '0.4');
  swatch.firstChild.setAttribute('stroke-dasharray', '3 2');
  return swatch;
}
