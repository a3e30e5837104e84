import { describe, expect, test } from 'vitest';
import { difference, lowRank, type Net, net, run } from '../../test/nets.ts';
import {
  type AdaptedModel,
  adapt,
  attachAdapterFolder,
  type FolderFiles,
  key,
  type MethodFactory,
  readAdapterFolder,
  type TargetOptions,
  trainModules,
  writeAdapterFolder,
} from '../index.ts';
import { planAdapter } from '../method/index.ts';

const factory: MethodFactory<{ targets: TargetOptions; r: number }> = Object.assign(
  (options: { targets: TargetOptions; r: number }) => lowRank(options),
  { type: 'low-rank' },
);
const method = () => lowRank({ targets: { targets: ['qkv'] } });

/** A pretrained net whose head is new: other values each time, as another seed draws them. */
function withNewHead(values = 0): Net {
  const root = net();
  const { weight, bias } = root.head;
  for (const parameter of [weight, bias!]) {
    parameter.set(new Float32Array(parameter.size).fill(values));
    parameter.fresh = true;
  }
  return root;
}

/** Trains, in effect: moves every tensor of an adapter. */
async function move(model: AdaptedModel, name: string): Promise<void> {
  for (const [, parameter] of model.get(name).parameters()) {
    parameter.set((await parameter.get()).map((value, i) => value + Math.cos(i)));
  }
}

const attach = (model: AdaptedModel, files: FolderFiles) =>
  attachAdapterFolder(model, readAdapterFolder(files, 'folder', [factory, trainModules]));

/** The files of an adapter without a head, as those of versions that lost a new head were. */
async function withoutHead(): Promise<FolderFiles> {
  const model = adapt(net());
  await model.add('default', method(), { key: key(1) });
  return writeAdapterFolder(model);
}

describe('a new head, which no file gave values to,', () => {
  test('is trained and saved with the first adapter, though its method does not name it', async () => {
    const model = adapt(withNewHead());
    const adapter = await model.add('default', method(), { key: key(1) });
    expect([...adapter.plan.kept]).toEqual(['head.weight', 'head.bias']);
    expect([...model.trainable()].map(([path]) => path)).toContain('default/head.weight');
    await move(model, 'default');
    const files = await writeAdapterFolder(model);
    const config = JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
    expect(config.modules_to_save).toEqual(['head']);
    for (const base of [withNewHead(0.5), net()]) {
      const again = adapt(base);
      await attach(again, files);
      expect(difference(await run(again), await run(model))).toBeLessThan(1e-6);
    }
  });

  test('makes a folder without it unusable: it is refused, and nothing is left', async () => {
    const again = adapt(withNewHead(0.5));
    await expect(attach(again, await withoutHead())).rejects.toThrow(/folder lacks head.weight, head.bias/);
    expect(again.adapters.size).toBe(0);
    expect(again.unkept).toEqual(['head.weight', 'head.bias']);
  });

  test('has one owner: adapters added beside it leave it, and a folder without it goes beside it', async () => {
    const model = adapt(withNewHead());
    await model.add('probe', trainModules({ modulesToSave: ['head'] }), { key: key(1) });
    const second = await model.add('second', method(), { key: key(2) });
    expect([...second.plan.saved.keys()]).toEqual([]);
    await move(model, 'probe');
    const again = adapt(withNewHead(0.5));
    await attach(again, await writeAdapterFolder(model));
    expect(difference(await run(again), await run(model))).toBeLessThan(1e-6);
    model.remove('probe');
    expect(model.unkept).toEqual(['head.weight', 'head.bias']);
  });

  test('stays with an adapter that goes on as another method', async () => {
    const model = adapt(withNewHead());
    await model.add('default', method(), { key: key(1) });
    await move(model, 'default');
    const before = await run(model);
    const adapter = await model.replace('default', { method: lowRank({ targets: { targets: ['qkv', 'proj'] } }) });
    expect([...adapter.plan.saved.keys()]).toEqual(['head.weight', 'head.bias']);
    expect(difference(await run(model), before)).toBeLessThan(1e-6);
  });

  test('is not adapted besides', () => {
    const { targets, saved } = planAdapter(withNewHead(), lowRank({ targets: { targets: ['qkv', 'head'] } }));
    expect(targets.map(({ path }) => path)).toEqual(['layers.0.qkv', 'layers.1.qkv']);
    expect(saved.size).toBe(2);
  });
});

test('values from a file end that a parameter is new', () => {
  const { weight } = withNewHead().head;
  weight.setFromFile(new Float32Array(weight.size));
  expect(weight.fresh).toBe(false);
});
