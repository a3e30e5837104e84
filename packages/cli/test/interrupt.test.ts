import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bin, Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
const recipe = ['--backbone', 'pico-vit', '--batch', '8', '--set', 'r=2', '--checkpoint-every', '1', '--quiet'];

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

/** A run in a process of its own, and how it ended. */
function start(...argv: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [bin, ...argv, ...recipe], { cwd: scratch.folder });
  let stderr = '';
  child.stderr.on('data', chunk => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>(resolve => child.on('exit', (code, signal) => resolve({ code, signal, stderr })));
  return { child, ended };
}

/** Waits until a file is there; fails if the run ends before. */
async function appears(path: string, ended: Promise<Ended>): Promise<void> {
  let over: Ended | undefined;
  ended.then(result => {
    over = result;
  });
  while (!existsSync(path)) {
    if (over) throw new Error(`The run ended without ${path}: ${over.stderr}`);
    await sleep(10);
  }
}

beforeAll(async () => {
  await scratch.paint('pictures/train', 12);
  await scratch.paint('pictures/test', 2);
  await scratch.paint('much/train', 4);
  await scratch.paint('much/test', 300);
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

describe('a run that is interrupted', () => {
  const long = ['train', '--data', at('pictures'), '--steps', '5000'];

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'by %s saves a checkpoint and says how to go on',
    async signal => {
      const out = at(`stopped-${signal}`);
      const { child, ended } = start(...long, '--out', out);
      await appears(`${out}/checkpoint.safetensors`, ended);
      child.kill(signal);
      const { code, stderr } = await ended;
      expect(stderr).toMatch(/Interrupted after step \d+; .*checkpoint.* is saved\. Go on with --resume/);
      expect(code).toBe(1);
    },
  );

  test('twice ends at once, and not by an abort in native code', async () => {
    const { child, ended } = start(...long, '--out', at('twice'));
    await appears(at('twice', 'checkpoint.safetensors'), ended);
    child.kill('SIGINT');
    child.kill('SIGINT');
    const { code, signal } = await ended;
    expect({ code, signal }).toEqual({ code: 1, signal: null });
  });

  test('while it is evaluated keeps the adapter that it trained', async () => {
    const { child, ended } = start('train', '--data', at('much'), '--steps', '1', '--out', at('evaluated'));
    await appears(at('evaluated', 'adapter_model.safetensors'), ended);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect(stderr).toMatch(/The adapter is trained and saved in .*evaluated; evaluate it with peft eval --adapter/);
    expect(code).toBe(1);
    const { n } = await scratch.json<{ n: number }>('eval', '--adapter', at('evaluated'), '--data', at('pictures'));
    expect(n).toBe(4);
  });
});

test('a backbone whose file is touched meanwhile costs nothing', async () => {
  await scratch.json('train', '--data', at('pictures'), ...recipe.slice(0, -1), '--steps', '1', '--out', at('start'));
  await scratch.json('merge', '--adapter', at('start'), '--out', at('touched'));
  const run = ['train', '--backbone', at('touched'), '--data', at('pictures'), '--steps', '40', '--out', at('kept')];
  const child = spawn(process.execPath, [bin, ...run, '--batch', '8', '--checkpoint-every', '1', '--quiet']);
  const ended = new Promise<Ended>(resolve =>
    child.on('exit', (code, signal) => resolve({ code, signal, stderr: '' })),
  );
  await appears(at('kept', 'checkpoint.safetensors'), ended);
  utimesSync(at('touched', 'model.safetensors'), 1, 1);
  expect((await ended).code).toBe(0);
  expect(readdirSync(at('kept'))).toContain('adapter_model.safetensors');
});

describe('a folder that cannot be used is found out before the first step', () => {
  test('a file in its place', async () => {
    writeFileSync(at('file'), 'mine');
    const { ended } = start('train', '--data', at('pictures'), '--steps', '5000', '--out', at('file'));
    const { code, stderr } = await ended;
    expect(stderr).toMatch(/file/);
    expect(code).toBe(1);
    expect(readFileSync(at('file'), 'utf8')).toBe('mine');
  });

  test('another run that writes there', async () => {
    const run = ['train', '--data', at('pictures'), '--steps', '5000', '--out', at('shared')];
    const first = start(...run);
    await appears(at('shared', 'checkpoint.safetensors'), first.ended);
    const { code, stderr } = await start(...run).ended;
    expect(stderr).toMatch(/shared is in use: process \d+ writes there/);
    expect(code).toBe(1);
    first.child.kill('SIGINT');
    expect((await first.ended).stderr).toMatch(/is saved/);
  });
});

test('compare that is interrupted keeps what is done, reports it, and goes on from there', async () => {
  const run = ['compare', '--data', at('pictures'), '--methods', 'linear,lora', '--report', at('report.html')];
  const argv = [...run, '--steps', '150', '--out', at('compared')];
  const { child, ended } = start(...argv);
  await appears(at('compared', 'linear-42', 'run.json'), ended);
  await appears(at('compared', 'lora-42', 'checkpoint.safetensors'), ended);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(stderr).toMatch(/Finished runs: linear \(1\); their report is .*report\.html.*go on with --out .* --resume/s);
  expect(code).toBe(1);
  expect(readFileSync(at('report.html'), 'utf8')).toContain('linear');
  const finished = readFileSync(at('compared', 'linear-42', 'run.json'), 'utf8');
  const again = await start(...argv, '--resume').ended;
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(at('compared', 'linear-42', 'run.json'), 'utf8')).toBe(finished);
  expect(readFileSync(at('report.html'), 'utf8')).toContain('lora');
});
