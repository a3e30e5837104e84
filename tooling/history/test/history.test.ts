import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { presentCommit } from '../src/git.mjs';
import { benchOf, parseLines, serializeLines } from '../src/lines.mjs';
import { drawCharts, renderPage } from '../src/page.mjs';

const lineOf = (commits: number, sizes: Record<string, number>, ratios?: Record<string, number>) => ({
  date: '2026-01-02',
  commit: `abcdef${commits}`,
  commits,
  version: '1.0.0',
  sizes,
  ...(ratios && { bench: { machine: 'A processor', threads: 2, ratios } }),
});

const step = 'LoRA step, ViT-B/16: ours / PyTorch';
const lines = [
  lineOf(1, { core: 40_000, foo: 1_000 }, { [step]: 0.9, 'idle adapter / bare model': 1 }),
  lineOf(5, { core: 41_000, foo: 2_000 }),
  lineOf(9, { core: 42_500, foo: 3_000, bar: 500 }, { [step]: 0.5, 'idle adapter / bare model': 1.01 }),
];

describe('the file', () => {
  test('is read as it was written, in the order of the commits', () => {
    expect(parseLines(serializeLines([lines[2], lines[0], lines[1]]))).toEqual(lines);
  });

  test.each([
    ['{', 'history.jsonl, line 2: '],
    ['[]', 'line 2: it is no object'],
    [JSON.stringify({ ...lines[0], size: {} }), 'line 2: there is no field "size"; there are date, commit'],
    [JSON.stringify({ ...lines[0], sizes: { core: '1' } }), 'line 2: "sizes" is {"core":"1"}'],
    [JSON.stringify({ ...lines[0], date: undefined }), 'line 2: "date" is missing'],
    [JSON.stringify(lineOf(3, {}, { [step]: -1 })), 'line 2: "bench" is {'],
  ])('with a line %s is refused', (line, complaint) => {
    expect(() => parseLines(`${JSON.stringify(lines[0])}\n${line}\n`)).toThrow(complaint);
  });

  test('takes the ratios of a benchmark, and neither seconds nor those of absent contenders', () => {
    const measures = [
      { name: step, unit: 'ratio', median: 0.50049, minimum: 0.5 },
      { name: 'start', unit: 's', median: 1.7 },
      { name: 'NEAT step', unit: 'ratio' },
    ];
    const bench = { machine: 'A processor', threads: 2, ratios: { [step]: 0.5 } };
    expect(benchOf(JSON.stringify({ machine: 'A processor', threads: 2, measures }))).toEqual(bench);
    expect(() => benchOf(JSON.stringify({ machine: 'A processor', threads: 2, measures: [] }))).toThrow('no ratios');
    expect(() => benchOf(JSON.stringify({ measures }))).toThrow('no ratios');
  });
});

describe('the page', () => {
  test('has a line for each package, through every commit that it was measured at', () => {
    const charts = drawCharts(lines);
    expect([...charts.keys()]).toEqual(['history-parts.svg', 'history-methods.svg', 'history-speed.svg']);
    const paths = (name: string) => [...(charts.get(name)?.matchAll(/aria-label="line"><path d="([^"]*)"/g) ?? [])];
    expect(paths('history-parts.svg').map(([, path]) => path?.match(/[ML]/g)?.length)).toEqual([3]);
    expect(paths('history-methods.svg').map(([, path]) => path?.match(/[ML]/g)?.length)).toEqual([3]);
    expect(charts.get('history-methods.svg')).toMatch(/<circle .*>bar</s);
    expect(paths('history-speed.svg')).toHaveLength(1);
    expect(charts.get('history-speed.svg')).toContain('>LoRA, ViT-B/16<');
  });

  test('has the last value, the one before and the first', () => {
    const page = renderPage(lines);
    expect(page).toMatch(/\| core +\| 42.50 kB \| 41.00 kB \| 40.00 kB \|/);
    expect(page).toMatch(/\| bar +\| 0.50 kB +\| - +\| 0.50 kB +\|/);
    expect(page).toMatch(/PyTorch +\| 0.50 \| 0.90 +\| 0.90 +\|/);
    expect(page).toContain('Measured at 3 commits, from `abcdef1` of 2026-01-02 to `abcdef9` of 2026-01-02.');
    expect(page).toContain(
      '2 commits, from `abcdef1` of 2026-01-02 to `abcdef9` of 2026-01-02, on A processor, 2 threads.',
    );
  });

  test('has no speed where none was measured', () => {
    expect(renderPage([lines[1]])).not.toContain('## Speed');
    expect(drawCharts([lines[1]]).has('history-speed.svg')).toBe(false);
  });

  test('is the one of the lines that are kept', () => {
    const root = new URL('../../..', import.meta.url).pathname;
    const kept = parseLines(readFileSync(join(root, 'tooling/history/history.jsonl'), 'utf8'));
    const hint = 'renew it: node tooling/history/src/main.mjs --draw';
    expect(readFileSync(join(root, 'docs/history.md'), 'utf8'), hint).toBe(renderPage(kept));
    for (const [name, svg] of drawCharts(kept)) expect(readFileSync(join(root, 'docs', name), 'utf8'), hint).toBe(svg);
  });
});

describe('the commit', () => {
  let folder: string;
  const git = (...args: string[]): void =>
    void execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: folder, stdio: 'pipe' });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'peft-history-'));
    mkdirSync(join(folder, 'packages'));
    git('init', '--quiet');
    for (const text of ['one', 'two']) {
      writeFileSync(join(folder, 'packages/a.txt'), text);
      git('add', '.');
      git('commit', '--quiet', '--message', text);
    }
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('is the one that is checked out, with its number', () => {
    const { date, commit, commits } = presentCommit(folder);
    expect(commits).toBe(2);
    expect(date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(commit).toMatch(/^[0-9a-f]{7,}$/);
  });

  test('must be what is measured', () => {
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    expect(presentCommit(folder).commits).toBe(2);
    writeFileSync(join(folder, 'packages/a.txt'), 'three');
    expect(() => presentCommit(folder)).toThrow('The packages have changes that are not committed.');
  });

  test('must have all those before it', () => {
    const shallow = join(folder, 'shallow');
    git('clone', '--quiet', '--depth', '1', `file://${folder}`, shallow);
    expect(() => presentCommit(shallow)).toThrow('git fetch --unshallow');
  });
});
