import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { collect } from '../../test/tiny.ts';
import { methodRegistry, run } from '../index.ts';
import { folderStore, openInputs } from './index.ts';
import { openBackboneFor } from './inputs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'peft-run-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** That of the folders in the command line's test/fixtures/frozen. */
const recipe = {
  backbone: 'pico-vit',
  data: 'mnist',
  lr: 2e-3,
  set: { r: 1 },
  targets: ['blocks.5.attn.qkv[q,v]'],
  steps: 3,
  batch: 8,
} as const;

test('a recipe opened by name has the losses of the command line, and leaves its folder', async () => {
  const notices: string[] = [];
  const inputs = await openInputs(recipe, { notice: text => notices.push(text) });
  const folder = join(scratch, 'digits');
  const { record } = await collect(run(recipe, { ...inputs, store: folderStore(folder) }));
  await inputs.close();
  expect(notices).toEqual([
    expect.stringMatching(/^Engine: onnxruntime-node/),
    'Backbone: pico-vit, 32x32 px, 10 classes',
  ]);
  for (const [i, loss] of [2.66558, 2.59641, 2.23396].entries()) expect(record?.result.losses[i]).toBeCloseTo(loss, 4);
  expect(readdirSync(folder).sort()).toEqual([
    'README.md',
    'adapter_config.json',
    'adapter_model.safetensors',
    'peft.json',
    'run.json',
  ]);
  expect(await folderStore(folder).readRecord()).toEqual(record);
});

test("methods of one's own are opened, run, and opened again to start from", async () => {
  const methods = { mine: { ...methodRegistry.lora, lr: 1e-3 } };
  const own = { ...recipe, lr: undefined, method: 'mine' };
  await expect(openInputs(own)).rejects.toThrow('There is no method "mine"');
  const folder = join(scratch, 'own');
  const inputs = await openInputs(own, { methods });
  const { record } = await collect(run(own, { ...inputs, store: folderStore(folder) }));
  await inputs.close();
  expect(record?.recipe).toMatchObject({ method: 'mine', lr: 1e-3 });
  const again = await openInputs({ ...own, initAdapter: folder }, { methods });
  expect(again.adapter?.card.backbone).toBe('pico-vit');
  await again.close();
});

test('random weights are told', async () => {
  const notices: string[] = [];
  const notice = (text: string) => notices.push(text);
  await openBackboneFor({ backbone: 'vit_tiny_patch16_224', imageSize: 32 }, { classes: 2, notice });
  expect(notices).toEqual(['Backbone: vit_tiny_patch16_224, 32x32 px, 2 classes, random weights']);
});

test('what is missing is named, and nothing stays open', async () => {
  await expect(openInputs({ data: 'mnist' })).rejects.toThrow('recipe: backbone is missing');
  await expect(openInputs({ backbone: 'pico-vit' })).rejects.toThrow('recipe: data is missing');
});

test('a folder is claimed by one run at a time', async () => {
  const [one, other] = [folderStore(join(scratch, 'claimed')), folderStore(join(scratch, 'claimed'))];
  await one.claim();
  await one.claim();
  await expect(other.claim()).rejects.toMatchObject({ code: 'state' });
  await one.release();
  await other.claim();
  await other.release();
  expect(readdirSync(scratch)).not.toContain('claimed');
});
