import { onnxEngine } from '@peft/compile';
import {
  type AdaptedModel,
  adapt,
  attachAdapterFolder,
  countParameters,
  eagerEngine,
  type Method,
  readAdapterFolder,
  writeAdapterFolder,
} from '@peft/core';
import { methodRecord } from '@peft/core/method';
import { heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { pear } from '@peft/pear';
import { type Architecture, architectures, backbone, difference, follow } from '@peft/testing';
import { Trainer, type TrainerOptions } from '@peft/train';
import { describe, expect, test } from 'vitest';
import { factories, pictures, withAdapters } from './models.ts';
import { logits } from './runs.ts';

/** Stacks of methods, by the name of each adapter. */
const stacks: Record<string, (heads: string[]) => Record<string, Method>> = {
  'LoRA on the MLP, NEAT on q and v': heads => ({
    mlp: lora({ targets: ['mlp.fc1', 'mlp.fc2'], r: 2, modulesToSave: heads }),
    attention: neat({ r: 2 }),
  }),
  'three on one projection': heads => ({
    lora: lora({ targets: ['attn.qkv'], r: 2, modulesToSave: heads }),
    neat: neat({ targets: ['attn.qkv[q]'], r: 2 }),
    lily: lily({ targets: ['attn.qkv[q,k]'], r: 2 }),
  }),
  'HEAT over Lily': heads => ({
    default: heat({ ratio: 0.5, base: lily({ targets: ['attn.qkv[q,v]'], r: 2, modulesToSave: heads }) }),
  }),
  'Pear over NEAT': heads => ({ default: pear({ base: neat({ r: 2, modulesToSave: heads }) }) }),
  'HEAT on attention and Pear on the MLP, each with its stage': heads => ({
    heads: heat({ ratio: 0.5, r: 2, modulesToSave: heads }),
    blocks: pear({ r: 2 }),
  }),
};

const cases = architectures.flatMap(architecture =>
  Object.entries(stacks).map(([name, make]): [string, Architecture, typeof make] => [name, architecture, make]),
);

async function setUp(
  architecture: Architecture,
  make: (typeof stacks)[string],
  options: Partial<TrainerOptions> = {},
): Promise<{ model: AdaptedModel; trainer: Trainer }> {
  const base = backbone(architecture);
  const model = await withAdapters(base, make([...base.classifiers]));
  const defaults = { model, engine: eagerEngine(), source: pictures(), optimizer: { lr: 4e-3 }, epochs: 4, seed: 1 };
  return { model, trainer: new Trainer({ ...defaults, ...options }) };
}

const valuesOf = async (model: AdaptedModel): Promise<[string, Float32Array][]> => {
  const all = [...model.adapters.values()].flatMap(adapter =>
    [...adapter.parameters()].map(([path, parameter]) => [`${adapter.name}/${path}`, parameter] as const),
  );
  return Promise.all(all.map(async ([path, parameter]) => [path, await parameter.get()]));
};

describe.each(cases)('%s, on %s', (_, architecture, make) => {
  test('learns, is saved and loaded as a whole, and is taken away again', async () => {
    const untouched = await logits(adapt(backbone(architecture)));
    const { model, trainer } = await setUp(architecture, make);
    const { losses } = await follow(trainer);
    await trainer.dispose();
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]);
    const trained = await logits(model);

    const files = await writeAdapterFolder(model);
    const again = adapt(backbone(architecture));
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', factories));
    expect(await logits(again)).toEqual(trained);
    expect([...again.adapters.keys()]).toEqual([...model.adapters.keys()]);
    const count = ({ base, adapters }: AdaptedModel) =>
      countParameters(
        base,
        [...adapters.values()].map(({ plan }) => plan),
      );
    expect(count(again)).toEqual(count(model));

    model.enabled = false;
    const { plan } = [...model.adapters.values()][0];
    expect(plan.saved.size).toBeGreaterThan(0);
    model.dispose();
    expect(await logits(model)).toEqual(untouched);
  });

  test('what can be merged is, while the rest goes on acting', async () => {
    const { model, trainer } = await setUp(architecture, make);
    await follow(trainer, 8);
    await trainer.dispose();
    const before = await logits(model);
    const mergeable = model.active.filter(({ method, plan }) => {
      const hasBlock = plan.targets.some(({ module }) => !module.weight);
      return method.mergeable === true && !hasBlock;
    });
    model.merge(mergeable.map(({ name }) => name));
    expect(difference(await logits(model), before)).toBeLessThan(1e-4);
    model.unmerge();
    expect(await logits(model)).toEqual(before);
  });

  test.each([1, 6])('stopped after step %i and gone on with elsewhere, it ends the same', async at => {
    const whole = await setUp(architecture, make);
    await follow(whole.trainer);
    const first = await setUp(architecture, make);
    await follow(first.trainer, at);
    const second = await setUp(architecture, make);
    await second.trainer.restore(await first.trainer.checkpoint());
    await follow(second.trainer);
    expect(await valuesOf(second.model)).toEqual(await valuesOf(whole.model));
  });
});

describe.each(architectures)('stages of two methods in one run, on %s', architecture => {
  const both = stacks['HEAT on attention and Pear on the MLP, each with its stage'];

  test('come each in its time, on every engine alike', async () => {
    const engine = await onnxEngine({ threads: 1 });
    const eager = await setUp(architecture, both, { epochs: 5 });
    const compiled = await setUp(architecture, both, { epochs: 5, engine });
    const [here, there] = [await follow(eager.trainer), await follow(compiled.trainer)];
    expect(here.stages.map(({ adapter, step }) => `${adapter} at ${step}`)).toEqual(['heads at 4', 'blocks at 6']);
    expect(there.stages).toEqual(here.stages);
    for (const [step, loss] of here.losses.entries())
      expect(Math.abs(there.losses[step] - loss)).toBeLessThan(1e-3 * Math.max(loss, 0.1));
    const found = ({ model }: typeof eager) => [
      methodRecord(model.get('heads').method).findings?.off,
      methodRecord(model.get('blocks').method).findings?.shared,
    ];
    expect(found(eager)).not.toContain(undefined);
    expect(found(compiled)).toEqual(found(eager));
    await compiled.trainer.dispose();
    await engine.dispose();
  });
});

describe('any subset is trained', () => {
  test('and what is left out stays as it was', async () => {
    const { model, trainer } = await setUp('vit', stacks['LoRA on the MLP, NEAT on q and v']);
    await trainer.dispose();
    model.setTrainable(path => path.startsWith('attention/') && path.endsWith('.B'));
    const before = new Map(await valuesOf(model));
    const options = { model, engine: eagerEngine(), source: pictures(), optimizer: { lr: 4e-3 }, steps: 3 };
    const partial = new Trainer(options);
    await follow(partial);
    await partial.dispose();
    for (const [path, values] of await valuesOf(model)) {
      const isTrained = path.startsWith('attention/') && path.endsWith('.B');
      if (isTrained) expect(values, path).not.toEqual(before.get(path));
      else expect(values, path).toEqual(before.get(path));
    }
  });

  test('adapters are weighted, and one alone is what it would be without the others', async () => {
    const make = stacks['LoRA on the MLP, NEAT on q and v'];
    const { model, trainer } = await setUp('vit', make);
    await follow(trainer);
    await trainer.dispose();
    const both = await logits(model);
    model.use({ mlp: 1, attention: 0 });
    const alone = await logits(model);
    model.use('mlp');
    expect(difference(await logits(model), alone)).toBeLessThan(1e-6);
    model.use({ mlp: 1, attention: 0.5 });
    const half = await logits(model);
    expect(difference(half, both)).toBeGreaterThan(1e-4);
    expect(difference(half, alone)).toBeGreaterThan(1e-4);
  });
});
