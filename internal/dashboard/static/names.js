// Names above bars: they are long, and beside the bars there is no room on a phone.
import { text } from './look.js';

// nameAxis is the axis of the names. Each row is as high as rowHeight says; bars
// take the part of it that is called bars, in pixels, in its middle.
export function nameAxis(names, look, width, bars) {
  return {
    type: 'category',
    inverse: true,
    data: names,
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: text(look, {
      inside: true, align: 'left', verticalAlign: 'bottom', margin: 0, padding: [0, 0, bars / 2 + 4, 0],
      width: width - 12, overflow: 'truncate', interval: 0, fontSize: look.size + 1,
    }),
    z: 5,
  };
}

export const rowHeight = (look, bars) => bars + Math.max(24, look.size * 2.3);
