// Takes a chart away as a PNG, with its title and where it is from.
import { look } from './look.js';

const scale = 2;
const padding = 20;
const band = 46; // height of the title, and of the source

export function addPicture(chart) {
  const button = chart.figure.querySelector('.png');
  button.hidden = false;
  button.addEventListener('click', () => {
    paint(chart).toBlob((blob) => {
      if (!blob) {
        window.alert(chart.texts.script_png_failed);
        return;
      }
      save(blob, `${chart.figure.dataset.name}.png`);
    }, 'image/png');
  });
}

export function paint(chart) {
  const style = look();
  const drawn = chart.echart.renderToCanvas({ pixelRatio: scale, backgroundColor: style.card });
  const canvas = document.createElement('canvas');
  canvas.width = drawn.width + 2 * padding * scale;
  canvas.height = drawn.height + 2 * band * scale;
  const pen = canvas.getContext('2d');
  pen.fillStyle = style.card;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(drawn, padding * scale, band * scale);
  const write = (words, size, weight, color, y) => {
    pen.font = `${weight} ${size * scale}px ${style.font}`;
    pen.fillStyle = color;
    pen.fillText(words, padding * scale, y * scale, drawn.width);
  };
  const source = `${document.title} · ${document.querySelector('.standfirst, .source')?.textContent.trim() ?? ''}`;
  write(chart.figure.querySelector('h2').textContent, 18, 650, style.ink, band - 18);
  write(source, 12, 400, style.muted, canvas.height / scale - 16);
  return canvas;
}

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
