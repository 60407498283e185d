// Lines over time. Each has its colour, its dashes and its mark.
import { axisNumber, base, clip, number, shortDate, text } from './look.js';
import { legendList, lineSwatch, tip } from './tip.js';

const marks = ['circle', 'rect', 'triangle', 'diamond'];
const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const tipRows = 12;

export function drawLines(drawing, look, chart) {
  const styles = drawing.series.map((series, i) => styleOf(series, i, look));
  const few = drawing.rows.length <= 60;
  return {
    points: drawing.rows.map((_, index) => ({
      text: `${drawing.labels[index]}. ${drawing.series.map((s) => `${s.name}: ${number(s.values[index])}`).join('. ')}`,
      series: 0, index,
    })),
    legend: [legendList(drawing.series.map((series, i) => [
      lineSwatch(styles[i].color, styles[i].dash, styles[i].width, styles[i].mark), series.name,
      () => chart.echart.dispatchAction({ type: 'highlight', seriesIndex: i }),
      () => chart.echart.dispatchAction({ type: 'downplay', seriesIndex: i }),
    ]))],
    option: {
      ...base(look),
      aria: { enabled: false },
      grid: { left: 4, right: 16, top: 34, bottom: 4, containLabel: true },
      tooltip: { ...tip(look, 'axis', (params) => tipOf(drawing, params)), axisPointer: { lineStyle: { color: look.muted } } },
      xAxis: {
        type: 'category', data: drawing.rows, boundaryGap: drawing.rows.length === 1,
        axisLine: { lineStyle: { color: look.rule } }, axisTick: { show: false },
        axisLabel: text(look, { color: look.muted, hideOverlap: true, margin: 12, alignMinLabel: 'left', alignMaxLabel: 'right', formatter: (iso, i) => shortDate(iso, i === 0) }),
      },
      yAxis: {
        type: 'value', scale: true, name: drawing.name,
        nameTextStyle: text(look, { color: look.muted, align: 'left' }),
        axisLabel: text(look, { color: look.muted, formatter: (n) => axisNumber(n) }),
        splitLine: { lineStyle: { color: look.faint } },
      },
      series: drawing.series.map((series, i) => lineOf(series, styles[i], few)),
    },
  };
}

function styleOf(series, i, look) {
  if (series.code === 'mean') {
    return { color: look.ink, dash: [1, 4], width: 3.5, mark: null };
  }
  return {
    color: look.series[i % look.series.length],
    dash: dashes[Math.floor(i / look.series.length) % dashes.length],
    width: 2,
    mark: marks[i % marks.length],
  };
}

function lineOf(series, style, few) {
  return {
    type: 'line',
    name: series.name,
    data: series.values,
    connectNulls: true,
    symbol: style.mark ?? 'none',
    symbolSize: 7,
    showSymbol: few,
    showAllSymbol: false,
    lineStyle: { width: style.width, color: style.color, type: style.dash.length > 0 ? style.dash : 'solid', cap: 'round' },
    itemStyle: { color: style.color },
    emphasis: { focus: 'series', lineStyle: { width: style.width + 1.5 } },
    z: series.code === 'mean' ? 5 : 2,
  };
}

// tipOf lists the highest values of a step.
function tipOf(drawing, params) {
  const rows = params
    .filter(({ value }) => value !== null && value !== undefined)
    .sort((a, b) => b.value - a.value)
    .slice(0, tipRows)
    .map(({ seriesName, value }) => [clip(seriesName, 48), number(value)]);
  return { title: drawing.labels[params[0].dataIndex], rows };
}
