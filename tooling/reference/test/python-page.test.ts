import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AdaptedModel, fromFloat32, parseSafetensors, serializeSafetensors, toFloat32 } from '@peft/core';
import { permute } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { difference } from '../src/interop.ts';
import { interpreter, pythonMissing } from '../src/python.ts';

/* The code of docs/python.md, both sides, in the order of the page. */

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'docs/python.md'), 'utf8');
const blocksOf = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code]) => code);

/** The reference environment has timm beside a torch without torchvision, which timm_cpu stands in for. */
const withTimm = 'import timm_cpu\n';

function runPython(code: string): string {
  const { command, args, env } = interpreter;
  const PYTHONPATH = join(env.PEFT_SHARED, 'reference');
  return execFileSync(command, [...args, '-c', withTimm + code], { encoding: 'utf8', env: { ...env, PYTHONPATH } });
}

/** What stands for training in the places of the page's comments: an untrained adapter adds nothing. */
const trained = {
  '// ... train it ...':
    'for (const [, p] of model.trainable()) p.set((await p.get()).map((v, i) => v + 0.1 * Math.cos(i * i + 1)));',
  '# ... train it ...':
    'with torch.no_grad():\n    for p in theirs.parameters():\n        if p.requires_grad: p.add_(0.1 * torch.randn_like(p))',
};

function train(code: string): string {
  const found = Object.entries(trained).find(([comment]) => code.includes(comment));
  if (!found) throw new Error(`A block of the page trains nothing:\n${code}`);
  return code.replace(...found);
}

const modules: string[] = [];

/** Imports a block of the page as a module that lies here. */
async function load(code: string): Promise<Record<string, unknown>> {
  const path = fileURLToPath(new URL(`./page-${process.pid}-${modules.length}.ts`, import.meta.url));
  modules.push(path);
  writeFileSync(path, code);
  return import(/* @vite-ignore */ path);
}

/** Reads a tensor of a file in the working folder. */
const read = (path: string, name: string): Float32Array => {
  const tensor = parseSafetensors(readFileSync(path), path).tensors.get(name);
  if (!tensor) throw new Error(`${path} has no ${name}.`);
  return toFloat32(tensor);
};

/** The logits `[2, 10]` of the pictures that Python drew. */
async function logitsOf(model: AdaptedModel): Promise<Float32Array> {
  const images = permute(read('pictures.safetensors', 'images'), [2, 3, 32, 32], [0, 2, 3, 1]);
  const logits = tf.tidy(() => model.call(tf.tensor(images, [2, 32, 32, 3])));
  return Float32Array.from(await logits.data());
}

const skipped = pythonMissing ? ` (skipped: ${pythonMissing})` : '';
describe.skipIf(pythonMissing)(`the code of docs/python.md${skipped}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'peft-python-page-'));
  const started = process.cwd();
  beforeAll(() => process.chdir(folder));
  afterAll(() => {
    process.chdir(started);
    for (const path of [folder, ...modules]) rmSync(path, { recursive: true });
  });

  test('goes to Python and back with the same logits', async () => {
    const [[save, open], [ours, theirs, ask, compare]] = [blocksOf('ts'), blocksOf('python')];
    await load(train(save));
    const answer = "save_file({'ours': logits, 'theirs': theirs.eval()(images).detach()}, 'python.safetensors')\n";
    runPython(ours + train(theirs) + ask + answer);

    const { load: openAdapter } = (await load(open)) as {
      load(backbone: string, folder: string): Promise<AdaptedModel>;
    };
    const here = await logitsOf(await openAdapter('base', 'ours'));
    const there = await logitsOf(await openAdapter('base', 'theirs'));
    expect(difference(here, read('python.safetensors', 'ours'))).toBeLessThan(1e-4);
    expect(difference(there, read('python.safetensors', 'theirs'))).toBeLessThan(1e-4);
    expect(difference(here, there)).toBeGreaterThan(0.1); // neither adds nothing

    writeFileSync('here.safetensors', serializeSafetensors([['logits', fromFloat32(here, [2, 10])]]));
    const opened = "from safetensors.torch import load_file\nlogits = load_file('python.safetensors')['ours']\n";
    const [, printed] = /tensor\((.*)\)/.exec(runPython(opened + compare)) ?? [];
    expect(Number(printed)).toBeLessThan(1e-4);
  });
});
