import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type VtabEntry, vtabEntries } from '@peft/vtab';
import { beforeAll, describe, expect, test } from 'vitest';
import { readArguments } from '../src/arguments.ts';
import { vtab } from '../src/commands/vtab.ts';
import { Output } from '../src/output/output.ts';
import { paintSide, Scratch, type Side } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);

/** A task in the layout of VTAB-1K, with `count` pictures of each side in both lists. */
async function paintTask(name: string, count: number): Promise<void> {
  mkdirSync(at('tasks', name, 'images'), { recursive: true });
  const lines: string[] = [];
  for (const [label, side] of (['above', 'below'] as Side[]).entries()) {
    for (let i = 0; i < count; i++) {
      await paintSide(at('tasks', name, 'images', `${side}${i}.jpg`), side, i);
      lines.push(`images/${side}${i}.jpg ${label}`);
    }
  }
  for (const list of ['train800val200', 'test'])
    writeFileSync(at('tasks', name, `${list}.txt`), `${lines.join('\n')}\n`);
}

const given = {
  backbone: 'pico-vit',
  methods: ['linear,lora'],
  each: { lora: { set: { r: 2 } } },
  epochs: 20,
  batch: 8,
  engine: 'wasm',
};

const run = async (out: string, changes: Record<string, unknown> = {}): Promise<void> =>
  vtab(
    await readArguments({ ...given, out: at(out), ...changes }),
    at('tasks'),
    new Output({ json: true, quiet: true }),
  );

const lines = (out: string): VtabEntry[] =>
  readFileSync(at(out, 'results.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line, i) => vtabEntries.parse(line, `line ${i + 1}`));

/** An entry without what takes time, and where it was saved. */
const numbers = ({ record, ...entry }: VtabEntry) => {
  const { seconds, stepMs, adapter, ...result } = record.result;
  return { ...entry, result };
};

describe('the protocol of VTAB-1K', () => {
  beforeAll(async () => {
    await paintTask('patch_camelyon', 8);
    await paintTask('mine', 8);
    await run('whole');
  });

  test('has a line for each method on each task, with looks at the test set every ten epochs', () => {
    const entries = lines('whole');
    expect(entries.map(({ task, method, seed, protocol }) => [task, method, seed, protocol])).toEqual([
      ['patch_camelyon', 'linear', 42, 'raw'],
      ['patch_camelyon', 'lora', 42, 'raw'],
      ['mine', 'linear', 42, 'raw'],
      ['mine', 'lora', 42, 'raw'],
    ]);
    for (const { evaluations, record } of entries) {
      expect(evaluations.map(({ epoch }) => epoch)).toEqual([10, 20]);
      expect(evaluations.at(-1)?.accuracy).toBe(record.result.metrics.accuracy);
      expect(record.recipe).toMatchObject({
        preset: 'vtab1k',
        schedule: 'timm-0.4.12',
        normalize: false,
        dropPath: 0.1,
      });
      expect(record.preprocessing).toMatchObject({ mean: [0, 0, 0], cropMode: 'squash', interpolation: 'bicubic' });
    }
  });

  test('has tables with published rows, and a page', () => {
    const table = readFileSync(at('whole', 'table.md'), 'utf8');
    expect(table).toMatch(/^\| method \| parameters \| patch_camelyon \| mine \|/);
    expect(table).toMatch(/\| lora, best look \| /);
    expect(table).toMatch(/\| LoRA \(published\) \| 0\.29M \| 84\.9 \| - \|/);
    expect(readFileSync(at('whole', 'table.tex'), 'utf8')).toContain('patch\\_camelyon');
    expect(readFileSync(at('whole', 'report.html'), 'utf8')).toContain('Accuracy at each look at the test set');
  });

  test('repeats no run that is there', async () => {
    const before = lines('whole');
    await run('whole');
    expect(lines('whole')).toEqual(before);
  });

  test('interrupted, it goes on to the same numbers', async () => {
    const once = { tasks: ['mine'], methods: ['lora'], checkpointEvery: 2 };
    const started = run('broken', once);
    const checkpoint = at('broken', 'raw', 'mine', 'lora-42', 'checkpoint.safetensors');
    while (!existsSync(checkpoint)) await new Promise(resolve => setTimeout(resolve, 2));
    process.kill(process.pid, 'SIGTERM');
    await expect(started).rejects.toThrow(/Interrupted after step \d+/);
    await run('broken', once);
    const [broken] = lines('broken');
    const whole = lines('whole').find(({ task, method }) => task === 'mine' && method === 'lora');
    expect(numbers(broken!)).toEqual(numbers(whole!));
  });

  test('says what is wrong with its arguments', async () => {
    await expect(run('x', { tasks: ['patch_camelyo'] })).rejects.toThrow(
      /has no task patch_camelyo \(closest: patch_camelyon\)/,
    );
    await expect(run('x', { protocol: 'imagenet' })).rejects.toThrow(/protocol.*raw, normalized/);
    writeFileSync(at('tasks', 'mine', 'classes.txt'), 'up\ndown\n');
    await paintTask('svhn', 4);
    await expect(run('x', { tasks: ['svhn'] })).rejects.toThrow(/svhn has 2 classes; the benchmark's has 10/);
  });
});
