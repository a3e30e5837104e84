import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fromFloat32, fromInt32, parseSafetensors, serializeSafetensors, toFloat32 } from '@peft/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bin, type Result, Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
const peft = (...argv: string[]): Promise<Result> => scratch.peft(...argv);
const peftJson = <T>(...argv: string[]): Promise<T> => scratch.json<T>(...argv);

interface Trained {
  losses: number[];
  accuracy: number;
  trainable: number;
  bytes: number;
  engine: string;
}

const pico = ['--backbone', 'pico-vit'];
const data = ['--data', at('pictures')];
const quick = [
  '--steps',
  '6',
  '--batch',
  '8',
  '--lr',
  '5e-3',
  '--set',
  'r=2',
  '--set',
  'dropout=0.1',
  '--drop-path',
  '0.1',
];

beforeAll(async () => {
  await scratch.paint('pictures/train', 12);
  await scratch.paint('pictures/test', 6);
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

describe('an adapter, from training to merging', () => {
  let trained: Trained;

  test('train learns and saves', async () => {
    trained = await peftJson<Trained>('train', ...pico, ...data, ...quick, '--steps', '15', '--out', at('adapter'));
    expect(trained.losses).toHaveLength(15);
    expect(trained.losses.at(-1)).toBeLessThan(trained.losses[0]);
    expect(trained.accuracy).toBeGreaterThan(0.8);
    expect(trained.trainable).toBe(6 * 2 * 2 * (96 + 96) + 97 * 2);
    expect(trained.engine).toMatch(/onnxruntime/);
    expect(readdirSync(at('adapter')).sort()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'peft.json',
      'run.json',
    ]);
  });

  test('eval gives the same accuracy, from the folder alone', async () => {
    const { accuracy, confusion } = await peftJson<{ accuracy: number; confusion: number[][] }>(
      'eval',
      '--adapter',
      at('adapter'),
      ...data,
    );
    expect(accuracy).toBe(trained.accuracy);
    expect(confusion.flat().reduce((sum, count) => sum + count)).toBe(12);
  });

  test('predict names the class of a picture', async () => {
    const picture = at('pictures', 'test', 'below', '0.jpg');
    const { predictions } = await peftJson<{ predictions: { classes: { name: string; probability: number }[] }[] }>(
      'predict',
      picture,
      '--adapter',
      at('adapter'),
      '--top',
      '2',
    );
    expect(predictions[0].classes.map(({ name }) => name).sort()).toEqual(['above', 'below']);
    expect(predictions[0].classes[0].probability).toBeGreaterThan(0.5);
  });

  test('merge writes a folder that predicts the same', async () => {
    const images = Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i / 50));
    writeFileSync(at('in.safetensors'), serializeSafetensors([['images', fromFloat32(images, [2, 3, 32, 32])]]));
    const { maxAbsDiff } = await peftJson<{ maxAbsDiff: number }>(
      'merge',
      '--adapter',
      at('adapter'),
      '--out',
      at('merged'),
    );
    expect(maxAbsDiff).toBeLessThan(1e-4);
    await peftJson(
      'predict',
      '--adapter',
      at('adapter'),
      '--tensors',
      at('in.safetensors'),
      '--out',
      at('a.safetensors'),
    );
    await peftJson(
      'predict',
      '--backbone',
      at('merged'),
      '--tensors',
      at('in.safetensors'),
      '--out',
      at('b.safetensors'),
    );
    const [a, b] = ['a', 'b'].map(name => {
      const path = at(`${name}.safetensors`);
      const { tensors } = parseSafetensors(readFileSync(path), path);
      expect(tensors.get('features')?.shape).toEqual([2, 96]);
      return toFloat32(tensors.get('logits')!);
    });
    expect(a.length).toBe(4);
    expect(Math.max(...a.map((value, i) => Math.abs(value - b[i])))).toBeLessThan(1e-3);
  });

  test('export writes ONNX that gives the same logits', async () => {
    const { maxAbsDiff } = await peftJson<{ maxAbsDiff: number }>(
      'export',
      '--adapter',
      at('adapter'),
      '--out',
      at('model.onnx'),
    );
    expect(maxAbsDiff).toBeLessThan(1e-4);
    const kept = await peft('export', '--adapter', at('adapter'), '--keep-adapters', '--out', at('kept.onnx'));
    expect(kept).toMatchObject({ status: 0, stderr: expect.stringContaining('folded in: none; kept: default') });
    expect(readFileSync(at('kept.onnx')).length).toBeGreaterThan(readFileSync(at('model.onnx')).length);
  });

  test('it is evaluated, used and exported at another size, all of it', async () => {
    const folder = ['--adapter', at('adapter')];
    const larger = [...folder, '--image-size', '48'];
    const { accuracy } = await peftJson<{ accuracy: number }>('eval', ...larger, ...data);
    expect(accuracy).toBeGreaterThan(0.5);
    const picture = at('pictures', 'test', 'below', '0.jpg');
    const probability = async (argv: string[]): Promise<number> => {
      interface Found {
        predictions: { classes: { probability: number }[] }[];
      }
      return (await peftJson<Found>('predict', picture, ...argv)).predictions[0].classes[0].probability;
    };
    expect(await probability(larger)).not.toBe(await probability(folder));
    await peftJson('export', ...larger, '--out', at('larger.onnx'));
    expect(readFileSync(at('larger.onnx')).includes('"inputSize":[3,48,48]')).toBe(true);
    expect(readFileSync(at('model.onnx')).includes('"inputSize":[3,32,32]')).toBe(true);
  });

  test('info tells what is in the folder', async () => {
    const { trainable } = await peftJson<{ trainable: number }>('info', at('adapter'));
    expect(trainable).toBe(6 * 4 * (96 + 288) + 97 * 2);
  });

  test('info tells what a run was, and what came of it', async () => {
    const record = JSON.parse(readFileSync(at('adapter', 'run.json'), 'utf8'));
    expect(await peftJson('info', at('adapter', 'run.json'))).toEqual(record);
    const { losses, metrics } = record.result;
    const accuracy = `${(100 * metrics.accuracy).toFixed(1)} %`;
    const ofRecord = (await peft('info', at('adapter', 'run.json'))).stdout;
    for (const part of [`${losses.length} steps`, accuracy, '"splitSeed": 42']) expect(ofRecord).toContain(part);
    expect((await peft('info', at('adapter'))).stdout).toContain(`${accuracy} on its test pictures`);
    writeFileSync(at('cut.json'), '{ "format": 2');
    expect((await peft('info', at('cut.json'))).stderr).toMatch(/cut\.json.*\[bad-file\]/s);
  });
});

describe('savings leave the losses as they are', () => {
  const plain = ['train', ...pico, ...data, '--steps', '6', '--batch', '8', '--method', 'lora', '--set', 'r=2'];
  const onLast = [...plain, '--set', 'targets=["blocks.5.attn.qkv"]'];
  const losses = async (...argv: string[]): Promise<number[]> =>
    (await peftJson<Trained>(...argv, '--out', at('saving'), '--overwrite')).losses;
  const expectSame = (found: number[], expected: number[]): void => {
    expect(found).toHaveLength(expected.length);
    for (const [i, loss] of found.entries()) expect(Math.abs(loss - expected[i])).toBeLessThan(1e-5);
  };

  test('--cache-features and --checkpointing', async () => {
    const expected = await losses(...onLast);
    expectSame(await losses(...onLast, '--cache-features'), expected);
    expectSame(await losses(...onLast, '--checkpointing'), expected);
  });

  test('--frozen-dtype f16, as the weights are stored so already', async () => {
    expectSame(await losses(...onLast, '--frozen-dtype', 'f16'), await losses(...onLast));
    const { status, stderr } = await peft(...onLast, '--frozen-dtype', 'f16', '--engine', 'wasm', '--quiet');
    expect(status).toBe(1);
    expect(stderr).toMatch(/needs ONNX Runtime/);
  });

  test('--cache-features is refused where features change, or do not fit', async () => {
    const refused = async (...argv: string[]): Promise<string> => {
      const { status, stderr } = await peft(...plain, ...argv, '--out', at('saving'), '--overwrite', '--quiet');
      expect(status).toBe(1);
      return stderr;
    };
    expect(await refused('--cache-features', '--augment', 'flip-crop')).toMatch(/makes another each epoch/);
    expect(await refused('--cache-features', '1e-6')).toMatch(/more than the limit of 1000/);
  });
});

test('a run that is stopped and resumed ends with the same adapter', async () => {
  const run = ['train', ...pico, ...data, ...quick, '--checkpoint-every', '3'];
  await peftJson(...run, '--out', at('whole'));
  const part = await peft(...run, '--out', at('parts'), '--config', at('absent.yaml'));
  expect(part.status).toBe(1);
  await peftJson(...run, '--out', at('parts'));
  rmSync(at('parts', 'adapter_model.safetensors'));
  await peftJson(...run, '--out', at('parts'), '--resume');
  const bytes = (name: string): Buffer => readFileSync(at(name, 'adapter_model.safetensors'));
  expect(bytes('parts').equals(bytes('whole'))).toBe(true);
});

test('Ctrl-C finishes the step, saves a checkpoint and says how to go on', async () => {
  const run = ['train', ...pico, ...data, ...quick, '--steps', '60', '--checkpoint-every', '1', '--out', at('stopped')];
  const child = spawn(process.execPath, [bin, ...run, '--quiet'], { cwd: scratch.folder });
  let stderr = '';
  child.stderr.on('data', chunk => {
    stderr += chunk;
  });
  const exited = new Promise(resolve => child.on('exit', resolve));
  const saved = (): boolean => existsSync(at('stopped', 'checkpoint.safetensors'));
  while (!saved()) await new Promise(resolve => setTimeout(resolve, 20));
  child.kill('SIGINT');
  expect(await exited).toBe(1);
  expect(stderr).toMatch(/Interrupted after step \d+; .*checkpoint\.safetensors is saved\. Go on with --resume/);
  const { losses } = await peftJson<Trained>(...run, '--resume');
  expect(losses).toHaveLength(60);
});

test('compare writes one self-contained report', async () => {
  const { rows } = await peftJson<{ rows: { method: string }[] }>(
    'compare',
    ...pico,
    ...data,
    ...quick,
    '--methods',
    'linear,lora',
    '--report',
    at('report.html'),
  );
  expect(rows.map(({ method }) => method)).toEqual(['linear', 'lora']);
  const html = readFileSync(at('report.html'), 'utf8');
  expect(html).toContain('<svg');
  expect(html).not.toMatch(/https?:\/\//);
});

test('bench times both phases', async () => {
  const { rows } = await peftJson<{ rows: { phase: string; medianMs: number }[] }>(
    'bench',
    ...pico,
    '--batch',
    '2',
    '--runs',
    '2',
  );
  expect(rows.map(({ phase }) => phase)).toEqual(['forward', 'train']);
  expect(Math.min(...rows.map(({ medianMs }) => medianMs))).toBeGreaterThan(0);
});

describe('what goes wrong is one message, exit status 1, and leaves nothing half-written', () => {
  const cases: [string, () => string[] | Promise<string[]>, RegExp][] = [
    [
      'targets that match nothing',
      () => ['train', ...pico, ...data, '--targets', 'qkvv', '--out', at('x')],
      /No module matches "qkvv" in VisionTransformer.*closest: .*qkv/,
    ],
    [
      'an option that does not exist',
      () => ['train', ...pico, ...data, '--set', 'rank=3', '--out', at('x')],
      /no option "rank"/,
    ],
    [
      'a backbone that does not exist',
      () => ['train', '--backbone', 'pico-vitt', ...data, '--out', at('x')],
      /pico-vit/,
    ],
    [
      'a truncated weights file',
      () => {
        writeFileSync(
          at('cut.safetensors'),
          readFileSync(at('adapter', 'adapter_model.safetensors')).subarray(0, 5000),
        );
        return ['train', ...pico, ...data, '--weights', at('cut.safetensors'), '--out', at('x')];
      },
      /cut\.safetensors.*truncated/,
    ],
    [
      'a weights file of another model',
      () => {
        writeFileSync(
          at('other.safetensors'),
          serializeSafetensors([['blocks.0.attn.qkv.weight', fromFloat32(new Float32Array(4), [2, 2])]]),
        );
        return ['train', ...pico, ...data, '--weights', at('other.safetensors'), '--out', at('x')];
      },
      /other\.safetensors/,
    ],
    [
      'a corrupt JPEG',
      async () => {
        await scratch.paint('broken/train', 4);
        await scratch.paint('broken/test', 2);
        writeFileSync(at('broken', 'train', 'above', '1.jpg'), 'not a picture');
        return ['train', ...pico, '--data', at('broken'), '--batch', '8', '--steps', '3', '--out', at('x')];
      },
      /above\/1\.jpg/,
    ],
    [
      'an empty class folder',
      async () => {
        await scratch.paint('hollow/train', 2);
        mkdirSync(at('hollow', 'train', 'nothing'), { recursive: true });
        return ['train', ...pico, '--data', at('hollow'), '--out', at('x')];
      },
      /nothing/,
    ],
    [
      'a loss that is not a number',
      () => ['train', ...pico, ...data, ...quick, '--lr', '1e30', '--out', at('x')],
      /became (NaN|Infinity) at step \d+/,
    ],
    [
      'an adapter for another backbone',
      () => ['eval', '--backbone', 'deit_tiny_patch16_224', '--adapter', at('adapter'), ...data],
      /was trained on pico-vit|does not fit this model/,
    ],
    [
      'labels beyond the classes',
      () => {
        const images = { dtype: 'U8' as const, shape: [2, 32, 32, 3], bytes: new Uint8Array(2 * 32 * 32 * 3) };
        writeFileSync(
          at('labels.safetensors'),
          serializeSafetensors([
            ['images', images],
            ['labels', fromInt32(Int32Array.of(0, -3), [2])],
          ]),
        );
        return ['train', ...pico, '--data', at('labels.safetensors'), '--out', at('x')];
      },
      /labels\.safetensors/,
    ],
    [
      'a folder that cannot be written',
      () => ['train', ...pico, ...data, ...quick, '--out', '/dev/null/x'],
      /\/dev\/null\/x/,
    ],
    ['a picture that is not there', () => ['predict', at('none.jpg'), '--adapter', at('adapter')], /none\.jpg/],
  ];

  test.each(cases)('%s', async (_, argv, message) => {
    const { status, stdout, stderr } = await peft(...(await argv()), '--quiet');
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at .*\(/);
    expect(stdout).toBe('');
    expect(status).toBe(1);
    expect(readdirSync(scratch.folder)).not.toContain('x');
  });

  test.each([
    [['train', ...data], /--backbone is needed/],
    [['train', ...pico, ...data, '--lr', 'fast'], /--lr/],
    [['train', ...pico, ...data, '--no-such-flag'], /unknown option/],
    [['fly'], /unknown command/],
  ])('wrong use is exit status 2: %s', async (argv, message) => {
    const { status, stderr } = await peft(...argv);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });
});
