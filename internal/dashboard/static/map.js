// Where contributing organisations are. The outline of the world is a file of
// this service; no tiles are loaded from anywhere.
import { feature, registerMap } from './echarts.js';
import { base, text } from './look.js';
import { element, tip } from './tip.js';

// What is shown around the places, at least, in degrees.
const margin = 0.35;
const smallest = 5;
const world = [[-180, 84], [180, -57]];
// The page lists so many places under the numbers that their marks have.
const mostNumbers = 99;
const letter = 0.62; // of the size of type, how wide a letter is

let countries = [];

export async function prepareMap() {
  const answer = await fetch(new URL('world.json', import.meta.url));
  const outline = await answer.json();
  const shapes = feature(outline, outline.objects.countries);
  countries = shapes.features.filter(({ properties }) => properties.name).map(countryOf);
  registerMap('world', shapes);
}

const names = new Intl.DisplayNames(document.documentElement.lang, { type: 'region' });

// countryOf is where the name of a country can stand, and the room that it has.
function countryOf({ properties, geometry }) {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  const [largest] = polygons.map(([ring]) => middle(ring)).sort((a, b) => b.area - a.area);
  return { name: names.of(properties.name), ...largest };
}

// middle is the centre of gravity of a ring, its area and how wide it is.
function middle(ring) {
  let [area, x, y] = [0, 0, 0];
  ring.forEach(([toX, toY], i) => {
    const [fromX, fromY] = ring[(i || ring.length) - 1];
    const cross = fromX * toY - toX * fromY;
    area += cross / 2;
    x += ((fromX + toX) * cross) / 6;
    y += ((fromY + toY) * cross) / 6;
  });
  const longitudes = ring.map(([longitude]) => longitude);
  return { area: Math.abs(area), at: [x / area, y / area], width: Math.max(...longitudes) - Math.min(...longitudes) };
}

export function drawMap(drawing, look, chart) {
  const { places } = drawing;
  chart.bounds ??= around(places);
  addButtons(chart);
  const view = viewOf(chart);
  return {
    points: places.map((place, index) => ({ text: place.lines.join('. '), series: 0, index })),
    option: {
      ...base(look),
      aria: { enabled: false },
      backgroundColor: look.sea,
      tooltip: tip(look, 'item', ({ dataIndex }) => {
        const [title, ...lines] = places[dataIndex].lines;
        return { title, lines };
      }),
      geo: {
        map: 'world',
        boundingCoords: chart.bounds,
        aspectScale: view.aspect,
        left: 0, right: 0, top: 0, bottom: 0, preserveAspect: 'contain',
        roam: chart.roams ?? false,
        scaleLimit: { min: 0.5, max: 12 },
        silent: true,
        itemStyle: { areaColor: look.land, borderColor: look.coast, borderWidth: 0.8 },
      },
      series: [
        marks(places, look),
        countryNames(look, view),
      ],
    },
  };
}

// viewOf is the part of the world that is shown. Degrees of longitude are as wide
// as they are in its middle.
function viewOf({ bounds: [[west, north], [east, south]], canvas }) {
  const aspect = Math.cos(((north + south) / 2) * (Math.PI / 180));
  const degree = Math.min(canvas.clientWidth / ((east - west) * aspect), canvas.clientHeight / (north - south));
  return { aspect, perLongitude: degree * aspect };
}

function marks(places, look) {
  const numbered = places.length <= mostNumbers;
  return {
    type: 'scatter',
    coordinateSystem: 'geo',
    data: places.map(({ longitude, latitude, clients }) => ({
      value: [longitude, latitude, clients], symbolSize: (numbered ? 1.7 * look.size : 14) + 6 * Math.sqrt(clients - 1),
    })),
    itemStyle: { color: look.series[1], borderColor: look.card, borderWidth: 2, opacity: 1 },
    label: text(look, { show: numbered, position: 'inside', color: look.card, fontWeight: 700, formatter: ({ dataIndex }) => String(dataIndex + 1) }),
    emphasis: { scale: 1.35, itemStyle: { borderColor: look.ink } },
    z: 4,
  };
}

// countryNames are those that fit into their countries.
function countryNames(look, view) {
  const fits = ({ name, width }) => width * view.perLongitude > name.length * look.size * letter;
  return {
    type: 'scatter',
    id: 'countries',
    coordinateSystem: 'geo',
    data: countries.filter(fits).map(({ name, at }) => ({ name, value: at })),
    symbolSize: 1,
    itemStyle: { color: 'transparent' },
    silent: true,
    label: text(look, { show: true, position: 'inside', color: look.muted, formatter: ({ name }) => name }),
    labelLayout: { hideOverlap: true },
    z: 3,
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
