// Where contributing organisations are. The outline of the world is a file of
// this service; no tiles are loaded from anywhere.
import { feature, registerMap } from './echarts.js';
import { base } from './look.js';
import { element, tip } from './tip.js';

// What is shown around the places, at least, in degrees.
const margin = 0.35;
const smallest = 5;
const world = [[-170, 78], [180, -56]];

export async function prepareMap() {
  const answer = await fetch(new URL('world.json', import.meta.url));
  const world = await answer.json();
  registerMap('world', feature(world, world.objects.countries));
}

export function drawMap(drawing, look, chart) {
  const { places } = drawing;
  chart.bounds ??= around(places);
  addButtons(chart);
  return {
    points: places.map((place, index) => ({ text: place.lines.join('. '), series: 0, index })),
    option: {
      ...base(look),
      aria: { enabled: false },
      tooltip: tip(look, 'item', ({ dataIndex }) => {
        const [title, ...lines] = places[dataIndex].lines;
        return { title, lines };
      }),
      geo: {
        map: 'world',
        boundingCoords: chart.bounds,
        roam: chart.roams ?? false,
        scaleLimit: { min: 0.5, max: 12 },
        silent: true,
        itemStyle: { areaColor: look.faint, borderColor: look.muted, borderWidth: 0.5 },
      },
      series: [{
        type: 'scatter',
        coordinateSystem: 'geo',
        data: places.map(({ longitude, latitude, clients }) => ({
          value: [longitude, latitude, clients], symbolSize: 13 + 6 * Math.sqrt(clients - 1),
        })),
        itemStyle: { color: look.series[1], borderColor: look.card, borderWidth: 2, opacity: 0.95 },
        emphasis: { scale: 1.35, itemStyle: { borderColor: look.ink } },
      }],
    },
  };
}

// around returns the corners, top left and bottom right, that show all places.
function around(places) {
  const span = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const more = Math.max((high - low) * margin, (smallest - (high - low)) / 2, 1);
    return [low - more, high + more];
  };
  const [west, east] = span(places.map(({ longitude }) => longitude));
  const [south, north] = span(places.map(({ latitude }) => latitude));
  return [[Math.max(west, -180), Math.min(north, 84)], [Math.min(east, 180), Math.max(south, -60)]];
}

function addButtons(chart) {
  if (chart.figure.querySelector('.mapbuttons')) {
    return;
  }
  const fit = chart.bounds;
  const show = (bounds) => () => {
    chart.bounds = bounds;
    chart.draw();
  };
  const button = (name, action) => {
    const node = element('button', { type: 'button', textContent: name });
    node.addEventListener('click', action);
    return node;
  };
  const buttons = element('div', { className: 'mapbuttons' },
    button(chart.texts.script_fit, show(fit)), button(chart.texts.script_world, show(world)));
  chart.canvas.before(buttons);
  roamWhileInUse(chart);
}

// roamWhileInUse leaves the wheel to the page until somebody goes to the map.
function roamWhileInUse(chart) {
  const roam = (on) => () => {
    chart.roams = on;
    chart.echart.setOption({ geo: { roam: on } });
  };
  chart.canvas.addEventListener('focus', roam(true));
  chart.canvas.addEventListener('blur', roam(false));
}
