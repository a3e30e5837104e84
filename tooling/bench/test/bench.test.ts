import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pythonMissing } from '@peft/reference/python';
import { afterAll, describe, expect, test } from 'vitest';
import { caseNames, readArguments } from '../src/arguments.ts';
import { type Case, cases, defaultWork } from '../src/cases.ts';
import { sweepChart } from '../src/chart.ts';
import { Contender } from '../src/contender.ts';
import { ModelFiles } from '../src/files.ts';
import { interleave } from '../src/interleave.ts';
import { torchModel } from '../src/model.ts';
import { measureTable } from '../src/page.ts';
import { type CaseResult, type EntryResult, runCase } from '../src/run-case.ts';
import { sweeps } from '../src/scaling.ts';
import { median, summarize } from '../src/statistics.ts';

describe('statistics', () => {
  test('the median of odd and even counts, and of none', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  test('wall and processor time are summarized apart', () => {
    const samples = [
      { ms: 10, cpuMs: 30, value: 0 },
      { ms: 30, cpuMs: 10, value: 0 },
      { ms: 11, cpuMs: 20, value: 0 },
    ];
    expect(summarize(samples)).toEqual({ median: 11, min: 10, cpu: 20 });
  });
});

test('all take turns, one at a time', async () => {
  const order: string[] = [];
  let running = 0;
  const run = (name: string) => async () => {
    expect(++running).toBe(1);
    await Promise.resolve();
    order.push(name);
    running--;
    return name + order.length;
  };
  expect(await interleave([run('a'), run('b')], 3, 1)).toEqual([
    ['a1', 'a4', 'a5'],
    ['b2', 'b3', 'b6'],
  ]);
  expect(order.join('')).toBe('abbaab');
});

describe('the table of ratios', () => {
  const entry = (label: string, ms: number, peakBytes: number): EntryResult => ({
    label,
    startMs: [ms * 10, ms * 30, ms * 20],
    first: { ms: ms * 3, cpuMs: ms, value: 1 },
    samples: [ms, ms * 2, ms * 4].map(time => ({ ms: time, cpuMs: time * 2, value: 1 })),
    facts: { peakBytes, versions: {} },
  });
  const measures = [
    { name: 'step', over: 'x', under: 'y', of: 'step', limit: '≤ 1' },
    { name: 'processor', over: 'x', under: 'y', of: 'processor' },
    { name: 'memory', over: 'x', under: 'y', of: 'memory' },
    { name: 'start', over: 'x', under: 'y', of: 'start' },
    { name: 'ready', over: 'x', under: 'y', of: 'ready' },
  ] as const;
  const result = (entries: EntryResult[]): CaseResult => ({
    case: { id: 'id', title: 'title', entries: [], measures },
    entries,
  });
  const cells = (table: string): string[][] =>
    table
      .split('\n')
      .slice(2)
      .map(row =>
        row
          .split('|')
          .slice(1, -1)
          .map(cell => cell.trim()),
      );

  test('divides the first by the second', () => {
    expect(cells(measureTable([result([entry('x', 100, 3e8), entry('y', 400, 1e8)])]))).toEqual([
      ['step', '0.25', '0.25', '0.25', '≤ 1', '-'],
      ['processor', '0.25', '-', '0.25', '-', '-'],
      ['memory', '3.00', '-', '-', '-', '-'],
      ['start', '2.00 s', '1.00 s', '-', '-', '-'],
      ['ready', '1.80 s', '-', '-', '-', '-'],
    ]);
  });

  test('has no ratio where a contender did not take part', () => {
    expect(cells(measureTable([result([entry('x', 100, 3e8)])])).map(row => row[1])).toEqual([
      '-',
      '-',
      '-',
      '2.00 s',
      '1.80 s',
    ]);
  });
});

describe('the command line', () => {
  test('takes cases in the order of the page, and paths from where it was given', () => {
    const read = readArguments(
      ['--', '--cases', 'scaling,vit-b', '--rounds', '2', '--out', 'docs/a.md', '--json', 'a.json'],
      '/from',
    );
    expect(read).toMatchObject({
      cases: ['vit-b', 'scaling'],
      rounds: 2,
      out: '/from/docs/a.md',
      json: '/from/a.json',
    });
    expect(readArguments([], '/from').cases).toEqual(caseNames);
  });

  test('refuses what it does not know', () => {
    expect(() => readArguments(['--cases', 'vit'], '/')).toThrow(/no case "vit"; there are vit-b/);
    expect(() => readArguments(['--rounds', '0'], '/')).toThrow(/positive integer/);
  });
});

test('every measure is of contenders that are there', () => {
  for (const { measures, entries } of cases) {
    const labels = entries.map(({ label }) => label);
    for (const { over, under } of measures) expect(labels).toEqual(expect.arrayContaining([over, under].flat()));
  }
});

test('a chart is a picture file of its own', () => {
  const [sweep] = sweeps;
  const summaries = sweep.points.map(({ x }) => ({ median: 10 * x, min: 9 * x, cpu: 20 * x }));
  const chart = sweepChart({ sweep, lines: [{ label: 'ours', summaries }] });
  expect(chart).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg".*<\/svg>\n$/s);
  expect(chart.match(/aria-label="line"><path d="(M[^"]*)"/)?.[1].match(/[ML]/g)).toHaveLength(sweep.points.length);
});

describe('for real, on pico-vit', async () => {
  const files = await ModelFiles.open();
  afterAll(() => files.remove());
  const pico = { ...defaultWork, backbone: 'pico-vit', batch: 2 };
  const caseOf = (entries: Case['entries']): Case => ({ id: 'pico', title: 'pico', entries, measures: [] });
  const run = (torch: boolean, ...entries: Case['entries']) =>
    runCase(caseOf(entries), { rounds: 2, threads: 1, files, torch });

  test('all of ours and ONNX Runtime do the same work', async () => {
    const bare = { ...pico, phase: 'forward', adapter: 'none' } as const;
    const forward = await run(
      false,
      { label: 'compiled', engine: 'onnx', work: bare },
      { label: 'idle', engine: 'onnx', work: { ...pico, phase: 'forward', adapter: 'idle' } },
      { label: 'exported', engine: 'onnxruntime', work: bare },
      { label: 'eager', engine: 'wasm', work: bare },
      { label: 'PyTorch', engine: 'torch', work: bare },
    );
    expect(forward.entries.map(({ label }) => label)).toEqual(['compiled', 'idle', 'exported', 'eager']);
    const logits = forward.entries.map(({ first }) => first.value);
    expect(Math.max(...logits) - Math.min(...logits)).toBeLessThan(1e-5);
    const train = await run(
      false,
      { label: 'compiled', engine: 'onnx', work: pico },
      { label: 'fast', engine: 'wasm', work: pico },
      { label: 'stock', engine: 'stock-wasm', work: pico },
      { label: 'plain', engine: 'plain', work: pico },
    );
    expect(train.entries.map(({ facts }) => (facts.traceMs ?? 0) > 0)).toEqual([true, false, false, false]);
    const [compiled] = train.entries;
    for (const { label, samples, first, facts, startMs } of train.entries) {
      expect(first.value).toBeCloseTo(compiled.first.value, 5);
      expect(samples).toHaveLength(2);
      for (const { ms, cpuMs } of samples) expect(Math.min(ms, cpuMs)).toBeGreaterThan(0);
      expect(samples[1].value).toBeLessThan(first.value);
      // Plain TensorFlow.js draws other numbers for A, which matter from the second step on.
      expect(samples[1].value).toBeCloseTo(compiled.samples[1].value, label === 'plain' ? 1 : 4);
      expect(startMs[0]).toBeGreaterThan(first.ms);
      expect(facts.peakBytes).toBeGreaterThan(50e6);
      expect(facts.trainable).toBe(6 * 8 * (96 + 288) + 97 * 10);
      expect(facts.adapterBytes ?? Number.POSITIVE_INFINITY).toBeGreaterThan(4 * (facts.trainable ?? 0));
    }
  });

  test('an epoch over files is the same from disk and in memory', async () => {
    const work = { ...pico, batch: 2, files: 5 };
    const { entries } = await run(
      false,
      { label: 'disk', engine: 'epoch-disk', work },
      { label: 'memory', engine: 'epoch-memory', work },
    );
    const [disk, memory] = entries.map(({ first, samples }) => [first, ...samples].map(({ value }) => value));
    expect(disk).toEqual(memory);
    expect(disk[2]).toBeLessThan(disk[1]);
  });

  test.skipIf(pythonMissing)('Pillow and timm make the same of files', async () => {
    const { entries } = await run(
      true,
      { label: 'ours', engine: 'files', work: { ...pico, files: 3 } },
      { label: 'timm + Pillow', engine: 'pillow', work: { ...pico, files: 3 } },
    );
    const [ours, theirs] = entries;
    expect(ours.first.value).toBeCloseTo(theirs.first.value, 6);
    expect(ours.samples[0].cpuMs).toBeGreaterThan(0);
    expect(theirs.samples[0].cpuMs).toBeGreaterThan(0);
  });

  test('a process opens one work after another', async () => {
    const contender = new Contender('onnx');
    try {
      for (const batch of [1, 3]) {
        const work = { ...pico, batch, depth: 1 };
        await contender.open({ ...work, engine: 'onnx', threads: 1, torch: torchModel(work) });
        expect((await contender.step()).value).toBeGreaterThan(0);
      }
      expect((await contender.describe()).trainable).toBe(8 * (96 + 288) + 97 * 10);
    } finally {
      await contender.stop();
    }
  });

  test('contenders that do not do the same are no benchmark', async () => {
    const entry = (label: string, rank: number) => ({ label, engine: 'onnx' as const, work: { ...pico, rank } });
    await expect(run(false, entry('eight', 8), entry('four', 4))).rejects.toThrow(
      'pico: four and eight train 10186 and 19402 parameters; they do not do the same.',
    );
  });

  test('a contender that fails says why', async () => {
    const contender = new Contender('onnx');
    const work = { ...pico, targets: ['nothing'] };
    await expect(contender.open({ ...work, engine: 'onnx', threads: 1, torch: torchModel(pico) })).rejects.toThrow(
      /no module matches|"nothing"/i,
    );
    await contender.stop();
    await expect(contender.step()).rejects.toThrow(/ended during "step"/);
  });

  test.skipIf(pythonMissing)('PyTorch does the same work, with each method', async () => {
    for (const method of ['lora', 'neat', 'lily'] as const) {
      const targets = method === 'lily' ? ['attn.qkv', 'mlp.fc1', 'mlp.fc2'] : ['attn.qkv'];
      const work = { ...pico, method, targets };
      const { entries } = await run(
        true,
        { label: 'ours', engine: 'onnx', work },
        { label: 'PyTorch', engine: 'torch', work },
      );
      const [ours, theirs] = entries;
      expect(ours.first.value).toBeCloseTo(theirs.first.value, 4);
      expect(ours.facts.trainable).toBe(theirs.facts.trainable);
      expect(theirs.samples[1].value).toBeLessThan(theirs.first.value);
    }
  });

  test('the command writes a page', () => {
    const folder = mkdtempSync(join(tmpdir(), 'peft-bench-test-'));
    try {
      const main = new URL('../dist/main.js', import.meta.url).pathname;
      writeFileSync(join(folder, 'page.md'), '# Old\n\n## Memory over time\n\nsoaked\n\n## Scaling\n\nold\n');
      const args = [
        main,
        '--cases',
        'pico',
        '--rounds',
        '1',
        '--threads',
        '1',
        '--out',
        'page.md',
        '--json',
        'page.json',
      ];
      const env = { ...process.env, INIT_CWD: folder };
      const printed = execFileSync(process.execPath, args, {
        encoding: 'utf8',
        env,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      expect(printed).toMatch(/\| LoRA step, pico-vit: ours \/ PyTorch \|/);
      expect(readdirSync(folder).sort()).toEqual(['page.json', 'page.md']);
      const { threads, measures } = JSON.parse(readFileSync(join(folder, 'page.json'), 'utf8'));
      expect([threads, measures]).toMatchObject([1, [{ name: 'LoRA step, pico-vit: ours / PyTorch', unit: 'ratio' }]]);
      if (!pythonMissing) expect(printed).toContain(`| ${measures[0].median.toFixed(2)} `);
      const page = readFileSync(join(folder, 'page.md'), 'utf8');
      expect(page).toContain(
        'pnpm --filter @peft/bench bench --cases pico --rounds 1 --threads 1 --out page.md --json page.json',
      );
      expect(page.includes('PyTorch did not take part')).toBe(pythonMissing !== undefined);
      expect(page).toMatch(/\| ours +\| +?\d/);
      expect(page).toMatch(/\n\n## Memory over time\n\nsoaked\n$/); // of another command
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
