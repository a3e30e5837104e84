/**
 * What was measured of a commit: a line of `history.jsonl`.
 *
 * @typedef {object} Line
 * @property {string} date of the commit, `2026-11-28`
 * @property {string} commit its short hash
 * @property {number} commits how many there are on its branch up to it
 * @property {string} version of `@peft/core`
 * @property {Record<string, number>} sizes of packages, in bytes
 * @property {{ machine: string, threads: number, ratios: Record<string, number> }} [bench] medians of a benchmark, by measure
 */

const isObject = value => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = value => typeof value === 'string' && value !== '';
const isCount = value => Number.isInteger(value) && value > 0;
const isNumber = value => Number.isFinite(value) && value > 0;
const numbersBy = test => value => isObject(value) && Object.values(value).every(test);

const isBench = value =>
  value === undefined ||
  (isObject(value) && isText(value.machine) && isCount(value.threads) && numbersBy(isNumber)(value.ratios));

const fields = {
  date: value => typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value),
  commit: value => typeof value === 'string' && /^[0-9a-f]{7,40}$/.test(value),
  commits: isCount,
  version: isText,
  sizes: numbersBy(isCount),
  bench: isBench,
};

function parseLine(text, number) {
  const complain = problem => new Error(`history.jsonl, line ${number}: ${problem}`);
  let line;
  try {
    line = JSON.parse(text);
  } catch (error) {
    throw complain(error.message);
  }
  if (!isObject(line)) throw complain('it is no object.');
  const unknown = Object.keys(line).find(name => !(name in fields));
  if (unknown) throw complain(`there is no field "${unknown}"; there are ${Object.keys(fields).join(', ')}.`);
  const wrong = Object.keys(fields).find(name => !fields[name](line[name]));
  if (wrong) throw complain(`"${wrong}" is ${JSON.stringify(line[wrong]) ?? 'missing'}.`);
  return line;
}

/**
 * Reads `history.jsonl`.
 *
 * @param {string} text
 * @returns {Line[]} in the order of the commits
 * @throws which line is wrong, and why
 */
export const parseLines = text =>
  text
    .split('\n')
    .flatMap((line, i) => (line === '' ? [] : [parseLine(line, i + 1)]))
    .sort((a, b) => a.commits - b.commits);

/** @param {readonly Line[]} lines */
export const serializeLines = lines => lines.map(line => `${JSON.stringify(line)}\n`).join('');

/**
 * The benchmark of a line, from the file that `pnpm --filter @peft/bench bench --json` writes.
 *
 * @param {string} text
 * @throws where there is no ratio in it
 */
export function benchOf(text) {
  const { machine, threads, measures } = JSON.parse(text);
  const ratios = Object.fromEntries(
    (Array.isArray(measures) ? measures : [])
      .filter(({ unit, median }) => unit === 'ratio' && median !== undefined)
      .map(({ name, median }) => [name, Number(median.toFixed(3))]),
  );
  const bench = { machine, threads, ratios };
  if (Object.keys(ratios).length === 0 || !isBench(bench))
    throw new Error('The benchmark has no ratios. Write one with: pnpm --filter @peft/bench bench --json FILE');
  return bench;
}
