import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);
const common = ['--backbone', 'pico-vit', '--data', at('pictures'), '--batch', '8'];

beforeAll(async () => {
  await scratch.paint('pictures/train', 12);
  await scratch.paint('pictures/test', 6);
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

const sets = (...settings: string[]): string[] => settings.flatMap(setting => ['--set', setting]);
const targets = (...names: string[]): string[] => names.flatMap(name => ['--targets', name]);

describe('info counts the parameters of the papers, without weights', () => {
  // Adapters only, the head excluded: ViT-B/16, then Swin-B.
  test.each<[string, string[], number, number | undefined]>([
    ['lora', sets('r=8'), 294_912, 385_024],
    ['lora', sets('r=32'), 1_179_648, 1_540_096],
    ['lora', [...sets('r=8'), ...targets('attn.qkv[q,k,v]', 'attn.proj')], 589_824, 770_048],
    ['adaptformer', sets('r=8'), 147_456, 192_512],
    ['adaptformer', sets('r=32'), 589_824, 770_048],
    ['neat', sets('r=7'), 258_048, 336_896],
    ['neat', sets('r=7', 'pairs=2'), 262_752, 346_304],
    ['neat', [...sets('r=7'), ...targets('attn.qkv[q,v]', 'mlp.fc1', 'mlp.fc2')], 903_168, 1_179_136],
    ['lily', sets('r=16', 'nA=2', 'nB=2'), 198_144, 494_592],
    ['lily', sets('r=32', 'nA=4', 'nB=4'), 792_576, undefined],
    ['heat', sets('r=8'), 258_048, 336_896],
    ['pear', [...sets('r=8', 'act=relu'), ...targets('mlp')], 73_728, 96_256],
  ])('%s %j', async (method, options, vit, swin) => {
    const count = async (backbone: string): Promise<number> => {
      const argv = ['info', '--backbone', backbone, '--method', method, ...options];
      return (await scratch.json<{ trainable: number }>(...argv)).trainable;
    };
    expect(await count('vit_base_patch16_224')).toBe(vit);
    if (swin) expect(await count('swin_base_patch4_window7_224')).toBe(swin);
  });
});

test('compare shows what all methods did inside, each with options of its own', async () => {
  writeFileSync(
    at('compare.yaml'),
    [
      'methods: [linear, lora, neat, lily, pear, heat]',
      'epochs: 4',
      `report: ${at('report.html')}`,
      'each:',
      '  lora: { set: { r: 2 } }',
      '  heat: { lr: 5e-3, set: { r: 2 } }',
      '  pear: { targets: [attn, mlp], set: { r: 2 } }',
    ].join('\n'),
  );
  const argv = ['compare', ...common, '--config', at('compare.yaml')];
  const { rows } = await scratch.json<{ rows: { method: string; trainable: number }[] }>(...argv);
  expect(rows.map(({ method }) => method)).toEqual(['linear', 'lora', 'neat', 'lily', 'pear', 'heat']);
  const head = 97 * 2;
  expect(rows.find(({ method }) => method === 'lora')?.trainable).toBe(6 * 2 * 2 * (96 + 96) + head);
  expect(rows.find(({ method }) => method === 'pear')?.trainable).toBe((12 * 2 * (96 + 96)) / 2 + head);
  expect(rows.find(({ method }) => method === 'heat')?.trainable).toBe(6 * 2 * 2 * (96 + 64) + head);
  const html = readFileSync(at('report.html'), 'utf8');
  for (const shown of ['Importance of each head', 'who shares whose', 'How the experts are mixed', 'the weights moved'])
    expect(html).toContain(shown);
  expect(html).toMatch(/blocks\.5\.attn q.*×/s);
  expect(html).toMatch(/pruned, shares blocks\.\d\.(attn|mlp)/);
  expect(html).not.toMatch(/https?:\/\//);
});

test('train stacks adapters that a configuration names, and evaluates them from their folder', async () => {
  const stack = { late: { method: 'neat', set: { r: 2 }, targets: ['blocks.5.mlp.fc1'] } };
  writeFileSync(at('stack.json'), JSON.stringify({ set: { r: 2 }, stack, normalize: false, steps: 2 }));
  const argv = ['train', ...common, '--config', at('stack.json'), '--out', at('stacked')];
  const trained = await scratch.json<{ accuracy: number; trainable: number }>(...argv);
  expect(trained.trainable).toBe(6 * 2 * 2 * (96 + 96) + 2 * 2 * 384 + 97 * 2);
  expect(JSON.parse(readFileSync(at('stacked', 'peft.json'), 'utf8')).adapters).toMatchObject([
    { name: 'default', type: 'lora' },
    { name: 'late', type: 'neat' },
  ]);
  const folder = ['--adapter', at('stacked'), '--data', at('pictures')];
  expect((await scratch.json<{ accuracy: number }>('eval', ...folder)).accuracy).toBe(trained.accuracy);
});

test('what only one method is to have must be of a method that is compared', async () => {
  writeFileSync(at('each.json'), JSON.stringify({ methods: ['linear'], each: { lora: { lr: 1 } } }));
  const { status, stderr } = await scratch.peft('compare', ...common, '--config', at('each.json'));
  expect(status).toBe(1);
  expect(stderr).toContain('each has "lora", which is not among the methods compared.');
});

test.each<[string, string[], string]>([
  ['a method named twice', ['--methods', 'lora,lora'], '--methods has "lora" twice; --seeds repeats a method.'],
  ['a wrong option', ['--methods', 'lora', '--set', 'rr=1'], 'lora has no option "rr"; closest: r.'],
  ['a report that is a folder', ['--report', at('pictures')], 'is a folder; name the file to write.'],
  ['a report that cannot be written', ['--report', at('pictures', 'x', 'r.html')], 'Cannot write to'],
])('compare refuses %s before it trains, and leaves nothing', async (_, argv, message) => {
  writeFileSync(at('pictures', 'x'), 'a file where the folder of the report should be');
  const { status, stderr } = await scratch.peft('compare', ...common, ...argv, '--out', at('refused'));
  rmSync(at('pictures', 'x'));
  expect(status).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('Adapters and checkpoints are in');
  expect(existsSync(at('refused'))).toBe(false);
});

test('HEAT over NEAT trains at another size, is saved, and evaluates from its folder alone', async () => {
  const argv = ['train', ...common, '--method', 'heat', ...sets('base=neat'), '--image-size', '24', '--epochs', '5'];
  const trained = await scratch.json<{ accuracy: number }>(...argv, '--lr', '1e-2', '--out', at('heat'));
  const folder = JSON.parse(readFileSync(at('heat', 'peft.json'), 'utf8'));
  expect(folder.adapters[0].type).toBe('heat');
  expect(folder.adapters[0].base.type).toBe('neat');
  expect(Object.keys(folder.adapters[0].findings.off)).toHaveLength(6);
  const { accuracy } = await scratch.json<{ accuracy: number }>(
    'eval',
    '--adapter',
    at('heat'),
    '--data',
    at('pictures'),
  );
  expect(accuracy).toBe(trained.accuracy);
});

test('Lily is merged once its routing is frozen, and says what that costs', async () => {
  const argv = ['train', ...common, '--method', 'lily', ...targets('attn.qkv[k,v]'), '--steps', '4'];
  await scratch.json(...argv, '--out', at('lily'));
  const merge = ['merge', '--adapter', at('lily'), '--out', at('merged')];
  const refused = await scratch.peft(...merge);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('its router mixes the experts anew for every input');
  const { stdout, stderr, status } = await scratch.peft(...merge, '--calibrate', at('pictures'), '--batch', '8');
  expect(status).toBe(0);
  expect(stderr).toMatch(/frozen at the mean of 3 batches; largest logit difference there \d/);
  expect(stdout).toContain('Merged into');
});
