import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { escapeHtml } from '../drawings/html.ts';
import { methodColor } from '../method-color.ts';

/** A point of a chart, in the units of its axes. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line, with what it smooths. */
export interface Curve {
  /** A method, which has its own color, or another name. */
  readonly name: string;
  readonly points: readonly Point[];
  /** Drawn faintly behind the line. */
  readonly raw?: readonly Point[];
}

/** A dot with its spread. */
export interface Dot extends Point {
  /** A method, which has its own color, or another name. */
  readonly name: string;
  /** What is written beside it. Without any, a legend has the names. */
  readonly label?: string;
  /** The length of each half of the error bar; 0 for none. */
  readonly deviation: number;
}

export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** Whether the x axis is logarithmic. */
  readonly logX?: boolean;
}

/** In CSS pixels where the chart is as wide as that; a page scales it to its place. */
const [width, height] = [420, 260];
const marginBottom = 42;

/** The dashes of a second line of one color. */
const dashes = ['none', '6 3', '2 3'] as const;

/** How each of some names is drawn. Names of one color differ in their dashes. */
function stylesOf(names: readonly string[]): Map<string, { readonly color: string; readonly dash: string }> {
  const used = new Map<string, number>();
  return new Map(
    [...new Set(names)].map(name => {
      const color = methodColor(name.replace(/[-_ ].*$/, ''));
      const before = used.get(color) ?? 0;
      used.set(color, before + 1);
      return [name, { color, dash: dashes[before % dashes.length] as string }];
    }),
  );
}

function legendOf(styles: ReturnType<typeof stylesOf>): string {
  const items = [...styles].map(([name, { color, dash }]) => {
    const line = `<line x1="0" x2="12" y1="7" y2="7" stroke="${color}" stroke-width="3" stroke-dasharray="${dash}"/>`;
    return `<li><svg aria-hidden="true">${line}</svg>${escapeHtml(name)}</li>`;
  });
  return `<ul class="legend">${items.join('')}</ul>`;
}

/** A tick of a logarithmic axis: 10k parameters, a rate of 0.001. */
function tickText(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1000 ? `${value / 1000}k` : String(value);
}

function plot({ title, x, y, logX = false }: Chart, marks: Plot.Markish[], more: Plot.PlotOptions = {}): string {
  const { document } = parseHTML('<html></html>');
  const svg = Plot.plot({
    document,
    width,
    height,
    marginTop: 30,
    marginLeft: 52,
    marginBottom,
    style: { background: 'none', color: 'currentColor', fontFamily: 'inherit', fontSize: '12px' },
    x: {
      label: x,
      labelAnchor: 'center',
      labelArrow: 'none',
      type: logX ? 'log' : 'linear',
      nice: true,
      ticks: 5,
      tickFormat: logX ? tickText : undefined,
    },
    y: { label: y, labelArrow: 'none', grid: true, nice: true, ticks: 5, zero: false },
    ariaLabel: escapeHtml(title), // linkedom escapes quotes alone
    marks,
    ...more,
  });
  return svg.outerHTML;
}

const figure = (title: string, content: string): string =>
  `<figure class="panel chart"><figcaption>${escapeHtml(title)}</figcaption>${content}</figure>`;

/** Draws a line for each curve, its raw values faint behind it. */
export function renderCurves(curves: readonly Curve[], chart: Chart): string {
  const drawn = curves.filter(({ points }) => points.length > 0);
  const styles = stylesOf(curves.map(({ name }) => name));
  const lines = drawn.flatMap(({ name, points, raw = [] }) => {
    const { color, dash } = styles.get(name) ?? { color: 'currentColor', dash: 'none' };
    const at = { x: 'x', y: 'y', stroke: color } as const;
    return [
      Plot.line(raw, { ...at, strokeWidth: 1, strokeOpacity: 0.25 }),
      Plot.line(points, { ...at, strokeWidth: 2, strokeDasharray: dash }),
    ];
  });
  return figure(chart.title, legendOf(styles) + plot(chart, lines));
}

/** Of a picture file: greys that are read on white and on black, and Okabe and Ito's colors. */
const ink = '#6e7781';
const palette = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

/** The margin of a picture file above its frame, which has the title. */
const titleMargin = 44;

/** Moves heights apart until each has `gap` to the next, and none further than it must. */
function spread(heights: readonly number[], gap: number): number[] {
  const placed = heights.map((height, i) => ({ i, height })).sort((a, b) => a.height - b.height);
  for (let round = 0; round < 100; round++) {
    for (const [i, above] of placed.entries()) {
      const below = placed[i - 1];
      const missing = below ? gap - (above.height - below.height) : 0;
      if (!below || missing <= 0) continue;
      below.height -= missing / 2;
      above.height += missing / 2;
    }
  }
  return placed.sort((a, b) => a.i - b.i).map(({ height }) => height);
}

/** How far the label at the end of each curve moves up or down, in pixels, so that no two overlap. */
function labelShifts(curves: readonly Curve[]): number[] {
  const all = curves.flatMap(({ points }) => points.map(({ y }) => y));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const scale = (height - titleMargin - marginBottom) / (high - low || 1);
  const ends = curves.map(({ points }) => ((points.at(-1)?.y ?? low) - low) * scale);
  return spread(ends, 13).map((height, i) => Math.round((ends[i] ?? 0) - height));
}

/** Draws a line for each curve as an SVG file of its own. Each line has its name at its end. A curve of one point is a dot. */
export function curvesFile(curves: readonly Curve[], chart: Chart): string {
  const shifts = labelShifts(curves);
  const marks = curves.flatMap(({ name, points }, i) => {
    const stroke = palette[i % palette.length] as string;
    const label = {
      x: 'x',
      y: 'y',
      text: () => name,
      textAnchor: 'start',
      dx: 8,
      dy: shifts[i],
      fill: stroke,
    } as const;
    const line =
      points.length === 1
        ? Plot.dot(points, { x: 'x', y: 'y', fill: stroke })
        : Plot.line(points, { x: 'x', y: 'y', stroke, strokeWidth: 2 });
    return [line, Plot.text(points.slice(-1), label)];
  });
  const title = Plot.text([chart.title], {
    frameAnchor: 'top-left',
    dy: -24,
    fontSize: 14,
    fontWeight: 600,
    fill: ink,
  });
  const style = { background: 'none', color: ink, fontFamily: 'system-ui, sans-serif', fontSize: '12px' };
  const svg = plot(chart, [...marks, title], { style, marginTop: titleMargin, marginRight: 110 });
  return `${svg.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')}\n`;
}

/** Draws dots with error bars, with their labels beside them or a legend of their names: equal dots would hide each other's. */
export function renderDots(dots: readonly Dot[], chart: Chart): string {
  const styles = stylesOf(dots.map(({ name }) => name));
  const colorOf = ({ name }: Dot): string => styles.get(name)?.color ?? 'currentColor';
  const at = { x: 'x', y: 'y' } as const;
  const bars = dots.filter(({ deviation }) => deviation > 0);
  const labeled = dots.filter(({ label }) => label);
  const legend = labeled.length > 0 ? '' : legendOf(styles);
  return figure(
    chart.title,
    legend +
      plot(
        chart,
        [
          Plot.link(bars, {
            x1: 'x',
            x2: 'x',
            y1: ({ y, deviation }: Dot) => y - deviation,
            y2: ({ y, deviation }: Dot) => y + deviation,
            stroke: colorOf,
            strokeWidth: 1.5,
          }),
          Plot.dot(dots, { ...at, fill: colorOf, r: 5 }),
          Plot.text(labeled, {
            ...at,
            text: 'label',
            textAnchor: 'start',
            dx: 9,
            dy: -9,
            fill: 'currentColor',
            stroke: 'var(--surface)',
            strokeWidth: 4,
          }),
        ],
        { marginRight: 48 },
      ),
  );
}
