// Reads what a figure is to draw out of the page.

export function drawingOf(figure) {
  const drawing = JSON.parse(figure.querySelector('.drawing').textContent);
  for (const series of drawing.series ?? []) {
    series.values ??= walk(series.steps, series.unit);
  }
  return drawing;
}

// walk turns steps, counted in units, back into values.
function walk(steps, unit) {
  const parts = Math.round(1 / unit); // dividing by whole numbers leaves no odd digits
  let at = 0;
  return steps.map((step) => (step === null ? null : (at += step) / parts));
}
