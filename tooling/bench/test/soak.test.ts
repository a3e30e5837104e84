import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSoakArguments } from '../src/soak/arguments.ts';
import { bounds, growth } from '../src/soak/growth.ts';
import type { Held } from '../src/soak/held.ts';
import { type Course, soak } from '../src/soak/soak.ts';

describe.each(['onnx', 'wasm'] as const)('on %s', engine => {
  const same = ([start, middle, end]: Course): void => {
    const counted = ({ tensors, tensorBytes, steps, wasm }: Held) => ({ tensors, tensorBytes, steps, wasm });
    expect(counted(middle)).toEqual(counted(start));
    expect(counted(end)).toEqual(counted(start));
  };

  test('trainings with all methods leave no tensor and no step behind', async () => {
    const course = await soak({ engine, kind: 'trainings', count: 4 });
    same(course);
    expect(course[0]).toMatchObject({ after: 0, tensors: 80, steps: 0 }); // the weights of the backbone that stays open
    expect(course[2].after).toBe(4);
  });

  test('a step leaves nothing behind', async () => {
    const course = await soak({ engine, kind: 'steps', count: 50 });
    same(course);
    expect(course.map(({ after, steps }) => [after, steps])).toEqual([
      [1, 1],
      [25, 1],
      [50, 1],
    ]);
  });
});

describe('growth', () => {
  const start: Held = {
    after: 0,
    tensors: 80,
    tensorBytes: 1000,
    steps: 0,
    handles: 1,
    files: 20,
    threads: undefined,
    resident: 2e8,
    heap: 2e7,
    buffers: 1e6,
    wasm: undefined,
  };
  const course = (middle: Partial<Held>, end: Partial<Held>): Course => [
    start,
    { ...start, ...middle, after: 5 },
    { ...start, ...end, after: 10 },
  ];

  test('one tensor is too many, at any time', () => {
    expect(growth(course({}, {}))).toEqual([]);
    expect(growth(course({ tensors: 81 }, { tensors: 81 }))).toEqual(['tensors grew from 80 to 81 between 0 and 5']);
    expect(growth(course({}, { steps: 1, files: 21 }))).toEqual([
      'steps grew from 0 to 1 between 5 and 10',
      'files grew from 20 to 21 between 5 and 10',
    ]);
  });

  test('memory may grow by its bound after the middle, and by anything before', () => {
    const later = start.resident + bounds.resident;
    expect(growth(course({ resident: 9e8 }, { resident: 9e8 }))).toEqual([]);
    expect(growth(course({}, { resident: later }))).toEqual([]);
    expect(growth(course({}, { resident: later + 1 }))).toHaveLength(1);
    expect(growth(course({}, { heap: start.heap + bounds.heap + 1 }))[0]).toMatch(/^heap grew/);
  });
});

describe('the command', () => {
  test('does each part on each engine, and refuses what it does not know', () => {
    expect(readSoakArguments(['--', '--steps', '7', '--out', 'a.md'], '/from')).toEqual({
      parts: [
        { engine: 'onnx', kind: 'trainings', count: 500 },
        { engine: 'onnx', kind: 'steps', count: 7 },
        { engine: 'wasm', kind: 'trainings', count: 500 },
        { engine: 'wasm', kind: 'steps', count: 7 },
      ],
      out: '/from/a.md',
      given: '--steps 7 --out a.md',
    });
    expect(() => readSoakArguments(['--engines', 'cpu'], '/')).toThrow('no engine "cpu"; there are onnx, wasm');
    expect(() => readSoakArguments(['--steps', 'many'], '/')).toThrow(/positive integer/);
  });

  test('writes its section into a page, and leaves the rest', () => {
    const folder = mkdtempSync(join(tmpdir(), 'peft-soak-test-'));
    try {
      const page = join(folder, 'page.md');
      writeFileSync(page, '# Page\n\n## Memory over time\n\nold\n\n## Next\n\nstays\n');
      const args = ['--engines', 'wasm', '--trainings', '2', '--steps', '10', '--out', 'page.md'];
      // In so short a run memory may still grow, which the status would tell.
      spawnSync(process.execPath, [new URL('../dist/soak.js', import.meta.url).pathname, ...args], {
        env: { ...process.env, INIT_CWD: folder },
        stdio: 'ignore',
      });
      const written = readFileSync(page, 'utf8');
      expect(written).toMatch(
        /^# Page\n\n## Memory over time\n\n```sh no-run\npnpm --filter @peft\/bench soak --engines wasm/,
      );
      expect(written).toMatch(/\n\n## Next\n\nstays\n$/);
      expect(written.match(/^\| short trainings, wasm +\| \d trainings +\| 80 /gm)).toHaveLength(3);
      expect(written.match(/^\| one long training, wasm +\| \d+ steps +\| 108 /gm)).toHaveLength(3);
      expect(written).not.toMatch(/^old$/m);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
