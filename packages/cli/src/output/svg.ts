import { scaleLinear, scaleLog } from 'd3-scale';

export interface Series {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

interface Frame {
  title: string;
  x: string;
  y: string;
  /** Whether the x axis is logarithmic. */
  logX?: boolean;
}

const width = 460;
const height = 260;
const margin = { left: 52, right: 12, top: 46, bottom: 36 };
/** Colors that color-blind eyes can tell apart (Okabe and Ito). */
const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#888888'];

const colorOf = (index: number): string => colors[index % colors.length]!;

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);

/** Formats ticks as 970, 2.06 or 20k, with the digits that tell them apart. */
const short = (value: number): string =>
  Math.abs(value) >= 1e4 ? `${Number((value / 1000).toPrecision(3))}k` : Number(value.toPrecision(4)).toString();

interface Scale {
  at(value: number): number;
  ticks: number[];
}

/** A scale from the range of some values, widened to round numbers, to pixels. */
function scale(values: number[], from: number, to: number, log: boolean): Scale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (log) {
    const at = scaleLog([Math.max(low, 1) * 0.8, Math.max(high, 1) * 1.25], [from, to]);
    return { at, ticks: at.ticks(4).filter(tick => /^[125]/.test(tick.toPrecision(1))) };
  }
  const room = low === high ? Math.abs(low) / 10 || 1 : 0;
  const at = scaleLinear([low - room, high + room], [from, to]).nice(4);
  return { at, ticks: at.ticks(4) };
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

/** Draws a line for each series. */
export function lineChart(series: readonly Series[], frame: Frame): string {
  const [xs, ys] = scales(series, frame);
  const lines = series.map(({ points }, i) => {
    const path = points.map(([x, y]) => `${xs.at(x).toFixed(1)},${ys.at(y).toFixed(1)}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${colorOf(i)}" stroke-width="1.5"/>`;
  });
  return svg(frame, axes(frame, xs, ys) + lines.join('') + legend(series));
}

/** Draws named dots. */
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

/** Draws the names in a line below the title. */
function legend(series: readonly Series[]): string {
  let x = margin.left;
  return series
    .map(({ name }, i) => {
      const item =
        `<rect x="${x}" y="25" width="10" height="10" fill="${colorOf(i)}"/>` +
        `<text x="${x + 14}" y="34">${escapeHtml(name)}</text>`;
      x += 28 + 6 * name.length; // letters are at most 6 px wide on average
      return item;
    })
    .join('');
}
