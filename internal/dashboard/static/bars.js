// One bar for each threat or vulnerability, its name above it: names are long.
import { base, number, text } from './look.js';
import { tip } from './tip.js';

const rowHeight = 44;

export function drawBars(drawing, look, chart) {
  const [{ values }] = drawing.series;
  const width = chart.canvas.clientWidth;
  const bar = Math.round(look.size * 0.95);
  const row = Math.max(rowHeight, look.size * 3.4);
  return {
    height: Math.round(values.length * row + 10),
    points: values.map((value, index) => ({ text: `${drawing.labels[index]}: ${number(value)}`, series: 0, index })),
    option: {
      ...base(look),
      grid: { left: 1, right: 8, top: 12, bottom: 0, containLabel: false },
      tooltip: tip(look, 'item', ({ dataIndex }) => ({
        title: drawing.labels[dataIndex], rows: [[drawing.name, number(values[dataIndex])]],
      })),
      xAxis: { type: 'value', show: false, min: (range) => Math.min(0, range.min), max: (range) => range.max * 1.16 || 1 },
      yAxis: {
        type: 'category',
        inverse: true,
        data: drawing.labels,
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: text(look, {
          inside: true, align: 'left', verticalAlign: 'bottom', margin: 0, padding: [0, 0, bar / 2 + 5, 0],
          width: width - 12, overflow: 'truncate', interval: 0, fontSize: look.size + 1,
        }),
        z: 5,
      },
      series: [{
        type: 'bar',
        name: drawing.name,
        data: values,
        barWidth: bar,
        itemStyle: { color: look.accent, borderRadius: [0, 3, 3, 0], decal: { symbol: 'none' } },
        showBackground: true,
        backgroundStyle: { color: look.faint, borderRadius: 3 },
        label: text(look, { show: true, position: 'right', fontWeight: 600, formatter: ({ value }) => number(value) }),
        emphasis: { itemStyle: { opacity: 0.8 } },
      }],
    },
  };
}
