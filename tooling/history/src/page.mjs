import { curvesFile } from '@peft/report/node';
import { markdownTable } from '@peft/scripts/markdown';

/** @typedef {import('./lines.mjs').Line} Line */

/** The packages of each chart of sizes. One without a place here is a method. */
const charts = {
  parts: ['core', 'backbones', 'backends', 'compile', 'layers'],
  training: ['run', 'data', 'train', 'sweep', 'vtab', 'report'],
};

const titles = {
  parts: 'Core, models and engines',
  training: 'Data, training and reports',
  methods: 'Methods',
  speed: 'Time of a step over that of PyTorch',
};

const chartOf = name => Object.keys(charts).find(chart => charts[chart].includes(name)) ?? 'methods';

const beside = ': ours / PyTorch';
const isStep = name => / step, /.test(name) && name.endsWith(beside);

/** The values of a name over time, where it was measured. */
const seriesOf = (lines, valuesOf, name) =>
  lines.flatMap(line => {
    const value = valuesOf(line)?.[name];
    return value === undefined ? [] : [{ x: line.commits, y: value }];
  });

/** All names, in the order of the last line that has them. */
const namesOf = (lines, valuesOf) => [
  ...new Set(lines.toReversed().flatMap(line => Object.keys(valuesOf(line) ?? {}))),
];

const sizes = ({ sizes }) => sizes;
const ratios = ({ bench }) => bench?.ratios;

/**
 * The charts of a history.
 *
 * @param {readonly Line[]} lines
 * @returns {Map<string, string>} SVG files, by name
 */
export function drawCharts(lines) {
  const files = new Map();
  const draw = (chart, y, curves) => {
    const drawn = curves.filter(({ points }) => points.length > 0);
    if (drawn.length > 0)
      files.set(`history-${chart}.svg`, curvesFile(drawn, { title: titles[chart], x: 'commits on main', y }));
  };
  const packages = namesOf(lines, sizes);
  for (const chart of [...Object.keys(charts), 'methods']) {
    const curves = packages
      .filter(name => chartOf(name) === chart)
      .map(name => ({ name, points: seriesOf(lines, sizes, name).map(({ x, y }) => ({ x, y: y / 1000 })) }));
    draw(chart, 'kB, gzipped', curves);
  }
  const steps = namesOf(lines, ratios)
    .filter(isStep)
    .map(name => ({
      name: name.slice(0, -beside.length).replace(' step,', ','),
      points: seriesOf(lines, ratios, name),
    }));
  draw('speed', 'ours / PyTorch', steps);
  return files;
}

/** A table of names, each with its last value, the one before and the first. */
function table(title, lines, valuesOf, shown) {
  const rows = namesOf(lines, valuesOf).map(name => {
    const values = seriesOf(lines, valuesOf, name).map(({ y }) => shown(y));
    return [name, values.at(-1), values.at(-2) ?? '-', values[0]];
  });
  return markdownTable([title, 'last', 'before', 'first'], rows);
}

const picture = chart => `![${titles[chart]}, by commits on main](history-${chart}.svg)`;

/** How many commits have such values, and which were the first and the last. */
function commitsWith(lines, valuesOf) {
  const those = lines.filter(valuesOf).map(({ commit, date }) => `\`${commit}\` of ${date}`);
  return those.length === 1 ? those[0] : `${those.length} commits, from ${those[0]} to ${those.at(-1)}`;
}

/**
 * The page of a history.
 *
 * @param {readonly Line[]} lines at least one
 */
export function renderPage(lines) {
  const kilobytes = bytes => `${(bytes / 1000).toFixed(2)} kB`;
  const benched = lines.filter(ratios);
  const machines = [...new Set(benched.map(({ bench: { machine, threads } }) => `${machine}, ${threads} threads`))];
  const sections = [
    '# History',
    `How the sizes of the packages and the speed of training have changed, by commits on \`main\`. \`pnpm history\` measures the present
commit, adds a line to \`tooling/history/history.jsonl\` and draws this page again; \`pnpm history --bench FILE\` also takes the ratios that
\`pnpm --filter @peft/bench bench --json FILE\` has measured.`,
    '## Sizes',
    `What a package adds to a page: its browser entry, minified and gzipped, without TensorFlow.js and without the other packages here.
Measured at ${commitsWith(lines, sizes)}.`,
    ...[...Object.keys(charts), 'methods'].map(picture),
    table('package', lines, sizes, kilobytes),
  ];
  if (benched.length > 0)
    sections.push(
      '## Speed',
      `Ratios of the [benchmarks](benchmarks.md), by median: below 1, ours takes less. Recorded at
${commitsWith(lines, ratios)}, on ${machines.join('; ')}.`,
      picture('speed'),
      table('measure', lines, ratios, ratio => ratio.toFixed(2)),
    );
  return `${sections.join('\n\n')}\n`;
}
