import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromFloat32, parseSafetensors, serializeSafetensors, toFloat32 } from '@peft/core';
import { folderStore } from '@peft/run/node';
import { afterAll, describe, expect, test } from 'vitest';
import { Scratch } from './peft.ts';

/*
 * The folders that versions wrote: one for each format of `run.json`, and for each field that was added to one. Later versions read
 * them, or refuse them by their format:
 *
 *     peft train --backbone pico-vit --data mnist --steps 3 --batch 8 --lr 2e-3 --checkpoint-every 2 --set r=1 \
 *       --targets 'blocks.5.attn.qkv[q,v]' --val-split train --keep-best --cache-features --out run-2.2
 *
 * And their reports:
 *
 *     peft compare --backbone pico-vit --data mnist --steps 2 --batch 8 --methods linear,lora --report report-1.html
 */
const folder = new URL('fixtures/frozen', import.meta.url).pathname;
const found = readdirSync(folder);
const versions = found.filter(name => name.startsWith('run-'));
const reports = found.filter(name => name.startsWith('report-'));
const newest = 'run-2.2';
const run = ['train', '--backbone', 'pico-vit', '--data', 'mnist', '--steps', '3', '--batch', '8', '--lr', '2e-3'];
const adapter = ['--set', 'r=1', '--targets', 'blocks.5.attn.qkv[q,v]', '--checkpoint-every', '2'];
/** The arguments that came with the fields of a version. */
const later: Readonly<Record<string, readonly string[]>> = {
  'run-2.2': ['--val-split', 'train', '--keep-best', '--cache-features'],
};
const losses = [2.6655783653259277, 2.596414089202881, 2.2339625358581543];

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
afterAll(() => rmSync(scratch.folder, { recursive: true }));

/** Logits of an adapter for one picture. */
async function logits(folder: string): Promise<Float32Array> {
  const image = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i / 50));
  writeFileSync(at('in.safetensors'), serializeSafetensors([['images', fromFloat32(image, [1, 3, 32, 32])]]));
  await scratch.json('predict', '--adapter', folder, '--tensors', at('in.safetensors'), '--out', at('out.safetensors'));
  return toFloat32(parseSafetensors(readFileSync(at('out.safetensors')), 'out').tensors.get('logits')!);
}

describe.each(versions)('%s', version => {
  test('its adapter gives the logits that it gave', async () => {
    const expected = [-0.56044, -0.24601, 0.85901, 0.42627, -0.63868];
    const found = await logits(join(folder, version));
    for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 4);
  });

  test('its record says how it was made and how it went, or is refused by its format', async () => {
    const record = await folderStore(join(folder, version))
      .readRecord()
      .catch((error: Error) => error.message);
    if (typeof record === 'string') expect(record).toMatch(/run\.json has format \d+; this version reads \d+\./);
    else {
      expect(record).toMatchObject({
        recipe: { backbone: 'pico-vit', lr: 2e-3, steps: 3, seed: 42 },
        result: { method: 'lora', trainable: 1354, losses },
      });
    }
  });

  test('its run goes on from its checkpoint, to the same adapter and curve, or is refused by its format', async () => {
    const again = at(version);
    cpSync(join(folder, version), again, { recursive: true });
    rmSync(join(again, 'adapter_model.safetensors'));
    const { status, stdout, stderr } = await scratch.peft(
      ...[...run, ...adapter, ...(later[version] ?? [])],
      ...['--resume', '--out', again, '--json'],
    );
    if (status !== 0) {
      expect(stderr).toMatch(/is not a checkpoint that this version reads: its format is/);
      return;
    }
    const resumed = (JSON.parse(stdout) as { losses: number[] }).losses;
    expect(resumed.slice(0, 2)).toEqual(losses.slice(0, 2));
    expect(resumed[2]).toBeCloseTo(losses[2], 4);
    const [before, after] = [await logits(join(folder, version)), await logits(again)];
    for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 3);
  });
});

test.each(reports)('%s tells what was compared, or is refused by its format', async name => {
  const { status, stdout, stderr } = await scratch.peft('info', join(folder, name), '--json');
  if (status !== 0) {
    expect(stderr).toMatch(/has format \d+; this version reads \d+\./);
    return;
  }
  expect(JSON.parse(stdout)).toMatchObject({
    title: 'pico-vit on mnist (train)',
    rows: [
      { method: 'linear', trainable: 970 },
      { method: 'lora', trainable: 19402 },
    ],
  });
});

test('the report that is written today is of a frozen format, and what is none is refused', async () => {
  const compare = ['compare', '--backbone', 'pico-vit', '--data', 'mnist', '--steps', '1', '--batch', '8'];
  await scratch.json(...compare, '--methods', 'linear', '--report', at('now.html'));
  const formatOf = (path: string): string | undefined =>
    readFileSync(path, 'utf8').match(/id="peft-report">\{"format":(\d+)/)?.[1];
  expect(reports.map(name => formatOf(join(folder, name)))).toContain(formatOf(at('now.html')));
  writeFileSync(at('other.html'), '<p>Hello</p>');
  const { status, stderr } = await scratch.peft('info', at('other.html'));
  expect(stderr).toContain('other.html is not a report of peft compare');
  expect(status).toBe(1);
  const older = readFileSync(at('now.html'), 'utf8').replace('"peft-report">{"format":1', '"peft-report">{"format":0');
  writeFileSync(at('older.html'), older);
  expect((await scratch.peft('info', at('older.html'))).stderr).toContain(
    'older.html has format 0; this version reads 1.',
  );
});

test('what is written today is among the frozen ones, and is read', async () => {
  await scratch.json(...run, ...adapter, ...(later[newest] ?? []), '--out', at('now'));
  const [now, frozen] = await Promise.all(
    [at('now'), join(folder, newest)].map(place => folderStore(place).readRecord()),
  );
  expect(now?.format).toBe(frozen?.format);
  expect(Object.keys(now?.result ?? {}).sort()).toEqual(Object.keys(frozen?.result ?? {}).sort());
});
