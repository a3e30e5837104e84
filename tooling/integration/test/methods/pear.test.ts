import { createBackbone } from '@peft/backbones';
import { onnxEngine } from '@peft/compile';
import {
  adapt,
  adaptformer,
  attachAdapterFolder,
  countParameters,
  key,
  type Method,
  type ParameterReport,
  readAdapterFolder,
  writeAdapterFolder,
} from '@peft/core';
import { planAdapter, planSettled, type TargetValues } from '@peft/core/method';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { type PearConfig, type PearFindings, type PearOptions, pear } from '@peft/pear';
import { conformance, difference, engineConformance, movedAdapter, run } from '@peft/testing';
import { describe, expect, test } from 'vitest';
import {
  type Case,
  cases,
  down,
  downs,
  findingsOf,
  merge,
  net,
  passed,
  up,
  ups,
} from '../../../../packages/pear/test/pruned.ts';

const dora = lora({ ...down, dora: true });

const stacked: Case[] = [
  {
    name: 'LoRA',
    options: { base: lora({ ...down, bias: 'lora_only' }) },
    onBackbones: { base: lora({ targets: ['attn.qkv[q,v]'], r: 2 }), knowledgeCheckpoint: 'merge', shareInit: 'gate0' },
    mergeable: true,
    exact: true,
  },
  { name: 'NEAT', options: { base: neat(up) }, mergeable: true, exact: true },
  { name: 'Lily', options: { base: lily({ targets: ['mlp'], r: 2 }) }, mergeable: false, exact: true },
  { name: 'pruned LoRA', options: { base: lora(down), findings: { shared: downs } }, mergeable: true, exact: true },
  {
    name: 'pruned LoRA on slices, merging',
    options: { base: lora(up), findings: { shared: ups }, ...merge },
    mergeable: true,
    exact: true,
  },
  {
    name: 'pruned NEAT, gated, merging',
    options: { base: neat(up), findings: { shared: ups }, shareInit: 'gate0', ...merge },
    mergeable: true,
    exact: true,
  },
  {
    name: 'pruned NEAT without checkpoints',
    options: { base: neat(down), findings: { shared: downs }, knowledgeCheckpoint: 'none' },
    mergeable: true,
    exact: true,
  },
  {
    name: 'pruned Lily',
    options: { base: lily({ ...down, r: 3, mixing: 'batch' }), findings: { shared: downs } },
    mergeable: false,
    exact: true,
  },
  {
    name: 'pruned uniform Lily',
    options: { base: lily({ ...down, mixing: 'uniform' }), findings: { shared: downs }, ...merge },
    mergeable: true,
    exact: true,
  },
];

/** What it records is the same on every backend. */
const engine = process.env.PEFT_BACKEND === 'cpu' ? () => onnxEngine({ threads: 1 }) : undefined;
const notPortable = (all: Case[]) => all.map(one => ({ ...one, portable: false }));
if (engine) engineConformance(pear, notPortable(cases), { network: net, engine });
conformance(pear, notPortable(stacked), { network: net, others: [lora, neat, lily], engine });

describe('what it leaves and adds', () => {
  test('with a ratio of zero it is the adapters themselves', async () => {
    for (const base of [adaptformer({ r: 2 }), lora(down), neat(up), lily(down)]) {
      const alone = await movedAdapter(
        Object.assign(() => base, { type: base.type }),
        {},
        net,
      );
      const { model } = await movedAdapter(pear, { base, ratio: 0 }, net);
      expect(await run(model)).toEqual(await run(alone.model));
      expect(model.get('default').method.stage).toBeUndefined();
    }
  });

  test('before it is pruned it is the adapters themselves', async () => {
    const alone = await movedAdapter(lora, down, net);
    const { model } = await movedAdapter(pear, { base: lora(down) }, net);
    expect(await run(model)).toEqual(await run(alone.model));
  });

  test.each<[string, Method]>([
    ['LoRA', lora(down)],
    ['LoRA on slices', lora(up)],
    ['DoRA, whose base is that of the frozen weight', dora],
    ['NEAT', neat(up)],
    ['uniform Lily', lily({ ...down, mixing: 'uniform' })],
  ])('%s: merged into the weight or frozen beside it, a checkpoint is the same', async (_, base) => {
    const outputs = async (knowledgeCheckpoint: PearConfig['knowledgeCheckpoint'], shareInit?: 'gate0') => {
      const { model } = await movedAdapter(pear, { base, knowledgeCheckpoint, shareInit }, net);
      await passed(model);
      const output = await run(model);
      model.merge();
      expect(difference(await run(model), output)).toBeLessThan(5e-5);
      return output;
    };
    const [frozen, merged, none] = [await outputs('frozen'), await outputs('merge'), await outputs('none')];
    expect(difference(frozen, merged)).toBeLessThan(5e-5);
    expect(difference(frozen, none)).toBeGreaterThan(1e-2);
    expect(difference(await outputs('frozen', 'gate0'), frozen)).toBeGreaterThan(1e-2);
  });

  test.each<[string, PearOptions]>([
    ['bottlenecks that share nothing', { r: 2, share: false }],
    ['LoRA that shares nothing', { base: lora(down), share: false }],
    ['LoRA that shares nothing, merged', { base: lora(down), share: false, ...merge }],
    ['bottlenecks whose gates are shut', { r: 2, shareInit: 'gate0' }],
    ['NEAT whose gates are shut', { base: neat(up), shareInit: 'gate0' }],
    ['Lily whose gates are shut', { base: lily(down), shareInit: 'gate0' }],
  ])('%s: with a checkpoint, pruning changes nothing', async (_, options) => {
    const { model } = await movedAdapter(pear, options, net);
    const before = await run(model);
    const { shared } = await passed(model);
    expect(Object.keys(shared).length).toBeGreaterThan(1);
    expect(difference(await run(model), before)).toBeLessThan(2e-6);
  });

  test('pruned and nothing shared nor kept, a position adds nothing', async () => {
    const { model } = await movedAdapter(pear, { base: lora(down), share: false, knowledgeCheckpoint: 'none' }, net);
    await passed(model, i => i);
    const alone = await movedAdapter(lora, { ...down, targets: ['blocks.2.mlp.down', 'blocks.3.mlp.down'] }, net);
    expect(await run(model)).toEqual(await run(alone.model));
    const output = await run(model);
    model.merge();
    expect(difference(await run(model), output)).toBeLessThan(2e-5);
  });

  test('tensors that a method shares itself stay shared, and are kept once', async () => {
    const { model } = await movedAdapter(pear, { base: lily({ ...down, nA: 2, nB: 2 }) }, net);
    await passed(model);
    const paths = [...model.get('default').plan.parameters.keys()].map(path =>
      path.replace(/blocks\.(\d)\.mlp\.down/, '$1'),
    );
    // A of the first two layers and their routers are kept only; the pool of experts is that of all, and is kept once.
    expect(paths.sort()).toEqual(
      ['0.P', '0.checkpoint.A', '0.checkpoint.P', '0.checkpoint.R', '1.checkpoint.R', '2.A', '2.R', '3.R'].sort(),
    );
  });

  test('a pruned position of NEAT has the network of another on its own weight', async () => {
    const { model } = await movedAdapter(pear, { base: neat(down), knowledgeCheckpoint: 'none' }, net);
    await passed(model);
    const donor = await model.get('default').targetValues();
    const alone = adapt(net());
    const own = await alone.add('default', neat(down), { key: key(9) });
    for (const [i, { parameters }] of own.plan.byTarget.entries())
      for (const [name, parameter] of Object.entries(parameters)) parameter.set(donor[i].values[name]);
    expect(await run(model)).toEqual(await run(alone));
  });
});

describe('importance', () => {
  const scoresOf = async (options: PearOptions): Promise<{ scores: PearFindings['scores']; values: TargetValues }> => {
    const { model, adapter } = await movedAdapter(pear, options, net);
    const values = await adapter.targetValues();
    return { scores: (await passed(model, i => (-1) ** i * (i + 1))).scores, values };
  };

  test('by magnitude it is the L1 norm of what is trained', async () => {
    const { scores, values } = await scoresOf({ base: lora({ ...down, init: 'pissa' }), criterion: 'magnitude' });
    for (const {
      target,
      values: { A, B },
    } of values) {
      const norm = [...A, ...B].reduce((sum, value) => sum + Math.abs(value), 0);
      expect(scores?.[target.id]).toBeCloseTo(norm, 4);
    }
  });
});

describe('who shares', () => {
  test('only adapters of one rank', () => {
    const base = lora({ ...down, rankPattern: { 'blocks.0.mlp.down': 3 } });
    const { shared } = findingsOf(planSettled(net(), pear({ base })).method);
    expect(Object.keys(shared)).toEqual(['blocks.1.mlp.down', 'blocks.2.mlp.down']);
    expect(Object.values(shared)).toEqual(['blocks.3.mlp.down', 'blocks.3.mlp.down']);
  });
});

describe('the number of parameters', () => {
  const counts = (backbone: string, options: PearOptions): Pick<ParameterReport, 'adapter' | 'adapterTrainable'> => {
    const model = createBackbone(backbone);
    const before = countParameters(model, [planAdapter(model, pear(options))]);
    expect(before.adapter).toBe(before.adapterTrainable);
    return countParameters(model, [planSettled(model, pear(options))]);
  };
  const swin = 'swin_base_patch4_window7_224';

  test.each<[string, PearOptions, number, number]>([
    [swin, { base: lora({ targets: ['attn.qkv[q,v]'], r: 8 }) }, 192_512, 385_024],
  ])('of %s with %j', (backbone, options, trainable, stored) => {
    expect(counts(backbone, options)).toMatchObject({ adapter: stored, adapterTrainable: trainable });
  });
});

describe('files', () => {
  test('hold what was found, and what is shared once', async () => {
    const { model } = await movedAdapter(pear, { base: neat(up), shareInit: 'gate0', modulesToSave: undefined }, net);
    const found = await passed(model, i => (i * 3) % 8);
    const files = await writeAdapterFolder(model);
    const { adapters } = JSON.parse(new TextDecoder().decode(files['peft.json']));
    expect(adapters[0]).toMatchObject({ type: 'pear', findings: { shared: found.shared }, base: { type: 'neat' } });
    const again = adapt(net());
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [pear, neat]));
    expect(findingsOf(again.get('default').method)).toEqual(found);
    expect(await run(again)).toEqual(await run(model));
    expect([...again.trainable()].map(([path]) => path)).toEqual([...model.trainable()].map(([path]) => path));
    expect(() => readAdapterFolder(files, 'folder', [pear])).toThrow(
      'folder holds an adapter of type neat; can be read: pear, adaptformer.',
    );
  });
});
