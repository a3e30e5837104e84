import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { escapeControls } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readArguments } from '../src/arguments.ts';
import { compare } from '../src/commands/compare.ts';
import { Output } from '../src/output/output.ts';
import { printableJson } from '../src/output/printable.ts';
import { Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);

interface Predictions {
  predictions: { path: string; classes: { name: string }[] }[];
}

beforeAll(async () => {
  await scratch.paint('pictures/train', 4);
  await scratch.paint('pictures/test', 2);
  const run = ['train', '--backbone', 'pico-vit', '--data', at('pictures'), '--batch', '4', '--steps', '2'];
  await scratch.json(...run, '--out', at('adapter'));
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

/** Writes a copy of the adapter's folder with another description of the model. */
function describedAs(folder: string, changes: Record<string, unknown>): string {
  cpSync(at('adapter'), at(folder), { recursive: true });
  const path = at(folder, 'peft.json');
  const index = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...index, model: { ...index.model, ...changes } }));
  return at(folder);
}

describe('what a stranger may write into an adapter', () => {
  test('a backbone of the Hub is not downloaded unasked', async () => {
    const folder = describedAs('stranger', { backbone: 'hf:someone/something' });
    const { status, stderr } = await scratch.peft('predict', at('pictures'), '--adapter', folder, '--quiet');
    expect(stderr).toMatch(/trained on hf:someone\/something, which is not on this machine. Download it with --yes/);
    expect(status).toBe(1);
  });

  test('labels of another number than the classes are refused', async () => {
    const folder = describedAs('labeled', { labels: ['above'] });
    const { status, stderr } = await scratch.peft('predict', at('pictures'), '--adapter', folder, '--quiet');
    expect(stderr).toMatch(/labeled\/peft\.json.*labels.*2 classes/);
    expect(status).toBe(1);
  });

  test('names do not reach the terminal as commands to it', async () => {
    const folder = describedAs('shouting', { labels: ['above\x1b[2J', 'below\u009b31m\n'] });
    const { stdout } = await scratch.peft('predict', at('pictures', 'test'), '--adapter', folder, '--quiet');
    expect(stdout).toContain('\\u001b[2J');
    expect(stdout).toContain('\\u009b31m\\u000a');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});

test('control characters are shown, and JSON stays JSON', () => {
  const name = 'a\x1b]0;title\x07\u202eb\u009bc';
  expect(escapeControls(name)).toBe('a\\u001b]0;title\\u0007\\u202eb\\u009bc');
  expect(printableJson({ name })).toMatch(/^[\x20-\x7e]*$/);
  expect(JSON.parse(printableJson({ name }))).toEqual({ name });
});

test('predict takes folders, and leaves out what is broken where that is asked', async () => {
  cpSync(at('pictures', 'test'), at('mixed'), { recursive: true });
  writeFileSync(at('mixed', 'above', 'broken.jpg'), 'not a picture');
  const predict = ['predict', at('mixed'), '--adapter', at('adapter')];
  const refused = await scratch.peft(...predict, '--quiet');
  expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('broken.jpg') });
  const { stdout, stderr } = await scratch.peft(...predict, '--skip-broken', '--json');
  const { predictions } = JSON.parse(stdout) as Predictions;
  expect(predictions.map(({ path }) => path.slice(at('mixed').length + 1))).toEqual([
    'above/0.jpg',
    'above/1.jpg',
    'below/0.jpg',
    'below/1.jpg',
  ]);
  expect(stderr).toMatch(/Left out: .*broken\.jpg/);
  mkdirSync(at('empty'));
  expect((await scratch.peft('predict', at('empty'), '--adapter', at('adapter'))).stderr).toMatch(/no picture in/);
});

test('info describes a backbone that is a folder', async () => {
  await scratch.json('merge', '--adapter', at('adapter'), '--out', at('merged'));
  const { total } = await scratch.json<{ total: number }>('info', '--backbone', at('merged'));
  expect(total).toBeGreaterThan(600_000);
});

test.each(['constructor', 'toString', '__proto__'])('%s is no method', async method => {
  const run = ['train', '--backbone', 'pico-vit', '--data', at('pictures'), '--method', method, '--out', at('x')];
  const { status, stderr } = await scratch.peft(...run, '--quiet');
  expect(stderr).toMatch(/There is no method/);
  expect(status).toBe(1);
});

test('compare frees each backbone before the next', async () => {
  const run = async (methods: string[]): Promise<number> => {
    const args = { backbone: 'pico-vit', data: at('pictures'), engine: 'wasm', steps: 1, batch: 4, methods };
    const out = at(methods.join('-'));
    const silent = new Output({ json: true, quiet: true });
    await compare(await readArguments({ ...args, out, report: at('report.html') }), silent);
    return tf.memory().numTensors;
  };
  const after = await run(['linear']);
  expect(await run(['lora', 'neat', 'linear'])).toBe(after);
});

test('tensors that cannot be read are named', async () => {
  const predict = ['predict', '--backbone', 'pico-vit', '--engine', 'cpu', '--out', at('logits'), '--tensors'];
  expect((await scratch.peft(...predict, at('nothing'))).stderr).toContain(`peft: There is no file ${at('nothing')}.`);
  expect((await scratch.peft(...predict, scratch.folder)).stderr).toContain(`${scratch.folder} is not a regular file.`);
});
