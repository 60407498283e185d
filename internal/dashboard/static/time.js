// The axis of lines over time: as long as the period, labelled after the steps.

const day = 86400e3;
const lengths = { day, week: 7 * day, month: 30.5 * day, quarter: 91.5 * day, year: 365.25 * day };
// Figures that come once a week make a line also where it is drawn day by day.
const longestRhythm = 7 * day;

// What labels can count in, for each length of steps, the densest first.
const scales = {
  day: ['day 1', 'day 2', 'week 1', 'week 2', 'month 1', 'month 2', 'month 3', 'year 1', 'year 5', 'year 20'],
  week: ['week 1', 'week 2', 'month 1', 'month 2', 'month 3', 'year 1', 'year 5', 'year 20'],
  month: ['month 1', 'month 2', 'month 3', 'year 1', 'year 5', 'year 20'],
  quarter: ['quarter 1', 'year 1', 'year 5', 'year 20'],
  year: ['year 1', 'year 5', 'year 20'],
};

// English dates as the server writes them: day, month, year.
const language = document.documentElement.lang === 'en' ? 'en-GB' : document.documentElement.lang;
const formats = {
  day: new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', timeZone: 'UTC' }),
  month: new Intl.DateTimeFormat(language, { month: 'short', timeZone: 'UTC' }),
};

export const moment = (iso) => Date.parse(`${iso}T00:00:00Z`);

// slots lists the rows of a drawing in order, with null where one is missing:
// a line must not run through a time of which nothing is known.
export function slots({ rows, time }) {
  const moments = rows.map(moment);
  const widest = 1.5 * (time.group === 'day' ? rhythm(moments) : lengths[time.group]);
  return moments.flatMap((at, row) => (row > 0 && at - moments[row - 1] > widest ? [null, { at, row }] : [{ at, row }]));
}

// rhythm is the usual distance of days with figures.
function rhythm(moments) {
  const distances = moments.slice(1).map((at, i) => at - moments[i]).sort((a, b) => a - b);
  return Math.min(longestRhythm, distances[Math.floor(distances.length / 2)] ?? day);
}

// extent is where the axis begins and ends.
export function extent({ from, to, group }) {
  const [first, last] = [moment(from), moment(to)];
  return first === last ? [first - lengths[group] / 2, last + lengths[group] / 2] : [first, last];
}

// ticks returns the labels by moment, no more than there is room for.
export function ticks(time, room, letter) {
  const [first, last] = [moment(time.from), moment(time.to)];
  const all = scales[time.group].map((scale) => {
    const [unit, every] = scale.split(' ');
    return { unit, moments: starts(unit, Number(every), first, last) };
  });
  const { unit, moments } = all.find((scale) => fits(scale, room, letter)) ?? all.at(-1);
  const years = moments.map((at) => new Date(at).getUTCFullYear());
  return new Map(moments.map((at, i) => [at, label(unit, at, time, years[i] !== years[i - 1])]));
}

// So many letters of room a label takes.
const letters = { day: 8, week: 8, month: 6, quarter: 4.5, year: 6 };

const fits = ({ unit, moments }, room, letter) => moments.length > 0 && moments.length * letters[unit] * letter <= room;

function starts(unit, every, first, last) {
  const found = [];
  for (let at = floor(unit, every, first); at <= last; at = next(unit, every, at)) {
    if (at >= first) {
      found.push(at);
    }
  }
  return found;
}

const months = { month: 1, quarter: 3, year: 12 };

// floor is the start of the unit that a moment is in; weeks start on Monday.
function floor(unit, every, at) {
  const date = new Date(at);
  if (unit === 'day') {
    return at;
  }
  if (unit === 'week') {
    return at - ((date.getUTCDay() + 6) % 7) * day;
  }
  const count = date.getUTCFullYear() * 12 + date.getUTCMonth();
  const whole = months[unit] * every;
  return Date.UTC(2000, count - (count % whole) - 24000);
}

function next(unit, every, at) {
  if (unit in months) {
    const date = new Date(at);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months[unit] * every);
  }
  return at + lengths[unit] * every;
}

// label has the year in a second row where it is a new one.
function label(unit, at, time, newYear) {
  const date = new Date(at);
  const year = String(date.getUTCFullYear());
  if (unit === 'year') {
    return year;
  }
  const name = unit === 'quarter' ? time.quarters[Math.floor(date.getUTCMonth() / 3)] : formats[unit === 'month' ? 'month' : 'day'].format(date);
  return newYear ? `${name}\n${year}` : name;
}
