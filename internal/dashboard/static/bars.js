// One bar for each threat or vulnerability, its name above it: names are long.
import { base, number, text, valueAxis } from './look.js';
import { nameAxis, rowHeight } from './names.js';
import { tip } from './tip.js';

export function drawBars(drawing, look, chart) {
  const [{ values }] = drawing.series;
  const bar = Math.round(look.size * 0.95);
  return {
    height: Math.round(values.length * rowHeight(look, bar) + look.size * 2 + 14),
    points: values.map((value, index) => ({ text: `${drawing.labels[index]}: ${number(value)}`, series: 0, index })),
    option: {
      ...base(look),
      grid: { left: 6, right: look.size * 4, top: 12, bottom: Math.round(look.size * 2), containLabel: false },
      tooltip: tip(look, 'item', ({ dataIndex }) => ({
        title: drawing.labels[dataIndex], rows: [[drawing.name, number(values[dataIndex])]],
      })),
      xAxis: { ...valueAxis(look, chart.canvas.clientWidth), min: (range) => Math.min(0, range.min) },
      yAxis: nameAxis(drawing.labels, look, chart.canvas.clientWidth, bar),
      series: [{
        type: 'bar',
        name: drawing.name,
        data: values,
        barWidth: bar,
        itemStyle: { color: look.accent, borderRadius: [0, 3, 3, 0], decal: { symbol: 'none' } },
        label: text(look, { show: true, position: 'right', fontWeight: 600, formatter: ({ value }) => number(value) }),
        emphasis: { itemStyle: { opacity: 0.8 } },
      }],
    },
  };
}
