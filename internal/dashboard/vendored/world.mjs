// Makes the outline of the world that the map draws from that of Natural Earth.
import { createRequire } from 'node:module';
import { feature, quantize } from 'topojson-client';
import { topology } from 'topojson-server';
import { filter, presimplify, quantile, simplify } from 'topojson-simplify';

const require = createRequire(import.meta.url);

// Of the points of all coasts and borders, the share that is kept.
const detail = 0.3;
// Steps from one side of the world to the other: one is about a kilometre.
const grid = 4e4;

// outline cuts the countries down to what a map in a page shows. Antarctica,
// where nobody analyses risks, would take a fifth of it. Countries are called by
// their ISO codes: browsers know what those are in the reader's language.
export function outline() {
  const atlas = require('world-atlas/countries-50m.json');
  const codes = new Map(require('i18n-iso-countries/codes.json').map(([short, , digits]) => [digits, short]));
  const features = feature(atlas, atlas.objects.countries).features
    .filter(({ properties }) => properties.name !== 'Antarctica')
    .map(({ id, geometry }) => ({ type: 'Feature', properties: { name: codes.get(id) ?? '' }, geometry: cutGeometry(geometry) }));
  const weighted = presimplify(topology({ countries: { type: 'FeatureCollection', features } }));
  return quantize(filter(simplify(weighted, quantile(weighted, detail))), grid);
}

// cutGeometry cuts what reaches over the 180th meridian there. Otherwise its
// outline would go back around the whole world.
function cutGeometry({ type, coordinates }) {
  const polygons = type === 'Polygon' ? [coordinates] : coordinates;
  return { type: 'MultiPolygon', coordinates: polygons.flatMap(cutPolygon) };
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
