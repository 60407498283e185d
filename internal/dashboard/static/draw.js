// Draws the charts of a page, again when colours or room change.
import { init } from './echarts.js';
import { drawBars } from './bars.js';
import { drawingOf } from './drawing.js';
import { drawHeat } from './heat.js';
import { addKeyboard } from './keyboard.js';
import { drawLevels } from './levels.js';
import { drawLines } from './lines.js';
import { look } from './look.js';
import { drawMap, prepareMap } from './map.js';
import { drawRadar } from './radar.js';

// Each function returns {option, height, legend, points}: what ECharts draws,
// the height in pixels or nothing, the nodes of the legend, and what the arrow
// keys go through as {text, series, index}.
const kinds = {
  bars: drawBars, heat: drawHeat, levels: drawLevels, lines: drawLines, map: drawMap, radar: drawRadar,
};

export async function drawAll(figures, texts) {
  if (figures.some((figure) => figure.dataset.kind === 'map')) {
    await prepareMap();
  }
  const charts = figures.map((figure) => new Chart(figure, texts));
  const redraw = () => charts.forEach((chart) => chart.draw());
  document.addEventListener('themechange', redraw);
  printLight(redraw);
}

// printLight keeps dark backgrounds off paper.
function printLight(redraw) {
  const root = document.documentElement;
  let before;
  window.addEventListener('beforeprint', () => {
    before = root.dataset.theme;
    root.dataset.theme = 'light';
    redraw();
  });
  window.addEventListener('afterprint', () => {
    root.dataset.theme = before;
    redraw();
  });
}

class Chart {
  constructor(figure, texts) {
    this.figure = figure;
    this.texts = texts;
    this.canvas = figure.querySelector('.canvas');
    this.drawing = drawingOf(figure);
    this.draw();
    addKeyboard(this);
    this.watchRoom();
  }

  draw() {
    const drawn = kinds[this.figure.dataset.kind](this.drawing, look(), this);
    this.points = drawn.points;
    if (drawn.height) {
      this.canvas.style.height = `${drawn.height}px`;
    }
    this.echart ??= init(this.canvas, null, { renderer: 'canvas' });
    this.echart.resize();
    this.echart.setOption(drawn.option, { notMerge: true });
    this.figure.querySelector('.legend').replaceChildren(...(drawn.legend ?? []));
    this.figure.dataset.drawn = 'true';
  }

  watchRoom() {
    let width = this.canvas.clientWidth;
    new ResizeObserver(() => {
      // A chart that is not shown, such as in a hidden frame, has no room at all.
      if (this.canvas.clientWidth > 0 && this.canvas.clientWidth !== width) {
        width = this.canvas.clientWidth;
        this.draw();
      }
    }).observe(this.canvas);
  }
}
