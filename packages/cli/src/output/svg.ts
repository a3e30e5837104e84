export interface Series {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

interface Frame {
  title: string;
  x: string;
  y: string;
  /** Whether x grows by factors. */
  logX?: boolean;
}

const width = 460;
const height = 260;
const margin = { left: 52, right: 12, top: 28, bottom: 36 };
/** Colors that differ for color-blind eyes too (Okabe and Ito). */
const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];

const colorOf = (index: number): string => colors[index % colors.length];

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);

const short = (value: number): string =>
  Math.abs(value) >= 1e4 ? value.toExponential(0) : Number(value.toPrecision(3)).toString();

interface Scale {
  at(value: number): number;
  ticks: number[];
}

function scale(values: number[], from: number, to: number, log: boolean): Scale {
  const map = (value: number): number => (log ? Math.log10(Math.max(value, 1)) : value);
  const mapped = values.map(map);
  const [low, high] = [Math.min(...mapped), Math.max(...mapped)];
  const room = (high - low || 1) * 0.05;
  const at = (value: number): number => from + ((map(value) - low + room) / (high - low + 2 * room || 1)) * (to - from);
  const ticks = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4).map(value =>
    log ? 10 ** value : value,
  );
  return { at, ticks };
}

function axes({ title, x, y }: Frame, xs: Scale, ys: Scale): string {
  const bottom = height - margin.bottom;
  const xTicks = xs.ticks.map(
    tick => `<text x="${xs.at(tick)}" y="${bottom + 14}" text-anchor="middle">${short(tick)}</text>`,
  );
  const yTicks = ys.ticks.map(
    tick =>
      `<text x="${margin.left - 6}" y="${ys.at(tick) + 3}" text-anchor="end">${short(tick)}</text>` +
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${ys.at(tick)}" y2="${ys.at(tick)}" class="grid"/>`,
  );
  return (
    `<text x="${margin.left}" y="16" class="title">${escapeHtml(title)}</text>${xTicks.join('')}${yTicks.join('')}` +
    `<text x="${(margin.left + width) / 2}" y="${height - 4}" text-anchor="middle">${escapeHtml(x)}</text>` +
    `<text x="12" y="${height / 2}" transform="rotate(-90 12 ${height / 2})" text-anchor="middle">${escapeHtml(y)}</text>`
  );
}

function scales(series: readonly Series[], frame: Frame): [Scale, Scale] {
  const points = series.flatMap(({ points: all }) => all);
  return [
    scale(
      points.map(([x]) => x),
      margin.left,
      width - margin.right,
      frame.logX ?? false,
    ),
    scale(
      points.map(([, y]) => y),
      height - margin.bottom,
      margin.top,
      false,
    ),
  ];
}

const svg = ({ title }: Frame, content: string): string =>
  `<svg viewBox="0 0 ${width} ${height}" role="img"><title>${escapeHtml(title)}</title>${content}</svg>`;

/** Lines, one a series. */
export function lineChart(series: readonly Series[], frame: Frame): string {
  const [xs, ys] = scales(series, frame);
  const lines = series.map(({ points }, i) => {
    const path = points.map(([x, y]) => `${xs.at(x).toFixed(1)},${ys.at(y).toFixed(1)}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${colorOf(i)}" stroke-width="1.5"/>`;
  });
  return svg(frame, axes(frame, xs, ys) + lines.join('') + legend(series));
}

/** Dots, named. */
export function scatterChart(series: readonly Series[], frame: Frame): string {
  const [xs, ys] = scales(series, frame);
  const dots = series.map(({ name, points }, i) =>
    points
      .map(
        ([x, y]) =>
          `<circle cx="${xs.at(x)}" cy="${ys.at(y)}" r="4" fill="${colorOf(i)}"><title>${escapeHtml(name)}</title></circle>`,
      )
      .join(''),
  );
  return svg(frame, axes(frame, xs, ys) + dots.join('') + legend(series));
}

/** Names in the line of the title, from the right. */
const legend = (series: readonly Series[]): string =>
  series
    .map(({ name }, i) => {
      const x = width - margin.right - 64 * (series.length - i);
      return (
        `<rect x="${x}" y="7" width="10" height="10" fill="${colorOf(i)}"/>` +
        `<text x="${x + 14}" y="16">${escapeHtml(name)}</text>`
      );
    })
    .join('');
