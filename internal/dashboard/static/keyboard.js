// Arrow keys go through the values of a chart; each is shown and spoken.

const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export function addKeyboard(chart) {
  const spoken = chart.figure.querySelector('.spoken');
  let at = -1;
  const show = (next) => {
    at = next;
    const { text, series, index } = chart.points[at];
    chart.echart.dispatchAction({ type: 'showTip', seriesIndex: series, dataIndex: index });
    spoken.textContent = text;
  };
  const hide = () => {
    at = -1;
    chart.echart.dispatchAction({ type: 'hideTip' });
    // While the pointer is in a tooltip, ECharts would leave it there.
    const box = chart.figure.querySelector('.tip')?.parentElement;
    if (box) {
      Object.assign(box.style, { visibility: 'hidden', opacity: 0 });
    }
    spoken.textContent = '';
  };
  chart.canvas.addEventListener('keydown', (event) => {
    const last = chart.points.length - 1;
    if (event.key in moves) {
      show(Math.max(0, Math.min(last, at + moves[event.key])));
    } else if (event.key === 'Home') {
      show(0);
    } else if (event.key === 'End') {
      show(last);
    } else {
      return;
    }
    event.preventDefault();
  });
  chart.canvas.addEventListener('blur', hide);
  // A tooltip of the pointer covers what is below it until it can be dismissed.
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      hide();
    }
  });
}
