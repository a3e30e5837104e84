import { createBackbone } from '@peft/backbones';
import { onnxEngine } from '@peft/compile';
import {
  type AdaptedModel,
  adapt,
  adaptformer,
  attachAdapterFolder,
  countParameters,
  isMadeBy,
  key,
  type Method,
  type MethodFactory,
  type ParameterReport,
  planAdapter,
  planSettled,
  readAdapterFolder,
  type TargetValues,
  writeAdapterFolder,
} from '@peft/core';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { type ConformanceCase, conformance, difference, layeredNet, movedAdapter, run } from '@peft/testing';
import { describe, expect, test } from 'vitest';
import { type PearConfig, type PearFindings, type PearOptions, pear } from './index.ts';

const others: MethodFactory[] = [lora, neat, lily];
/** With this seed, no kink of a ReLU lies within the finite differences. */
const net = () => layeredNet(2);
const up = { targets: ['mlp.up[k,v]'], r: 2 };
const down = { targets: ['mlp.down'], r: 2 };
/** Of four layers, the second shares what the first has, and the third what the fourth has. */
const blocks = { 'blocks.1.mlp': 'blocks.0.mlp', 'blocks.2.mlp': 'blocks.3.mlp' };
const downs = { 'blocks.1.mlp.down': 'blocks.0.mlp.down', 'blocks.2.mlp.down': 'blocks.3.mlp.down' };
const ups = { 'blocks.1.mlp.up[k]': 'blocks.0.mlp.up[k]', 'blocks.0.mlp.up[v]': 'blocks.2.mlp.up[v]' };
const merge = { knowledgeCheckpoint: 'merge' } as const;
const dora = lora({ ...down, dora: true });

const settled: Omit<ConformanceCase<PearOptions>, 'portable'>[] = [
  { name: 'pruned bottlenecks', options: { r: 3, findings: { shared: blocks } }, mergeable: false, exact: true },
  {
    name: 'pruned, gated',
    options: { r: 3, findings: { shared: blocks }, shareInit: 'gate0' },
    mergeable: false,
    exact: true,
  },
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

const whole: typeof settled = [
  {
    name: 'bottlenecks beside blocks',
    options: { r: 3, modulesToSave: ['head'] },
    onBackbones: { r: 8, targets: ['attn', 'mlp'], modulesToSave: ['head'] },
    mergeable: false,
    exact: true,
  },
  { name: 'low-rank pairs', options: { ...up, act: 'identity', scale: 2 }, mergeable: true, exact: true },
  {
    name: 'LoRA',
    options: { base: lora({ ...down, bias: 'lora_only' }) },
    onBackbones: { base: lora({ targets: ['attn.qkv[q,v]'], r: 2 }), knowledgeCheckpoint: 'merge', shareInit: 'gate0' },
    mergeable: true,
    exact: true,
  },
  { name: 'NEAT', options: { base: neat(up) }, mergeable: true, exact: true },
  { name: 'Lily', options: { base: lily({ targets: ['mlp'], r: 2 }) }, mergeable: false, exact: true },
];

/** What it records is the same on every backend. */
const engine = process.env.PEFT_BACKEND === 'cpu' ? () => onnxEngine({ threads: 1 }) : undefined;
conformance(
  pear,
  [...whole, ...settled].map(one => ({ ...one, portable: false })),
  { network: net, others, engine },
);

function findingsOf(method: Method): PearFindings {
  if (!isMadeBy(method, pear) || !method.findings) throw new Error(`${method.type} has found nothing.`);
  return method.findings;
}

/** What it finds at its stage, given the scores of targets in order; it goes on from there. */
async function passed(model: AdaptedModel, importance: (i: number) => number = i => i + 1): Promise<PearFindings> {
  const adapter = model.get('default');
  const { targets } = adapter.plan;
  const scores = new Map(targets.map(({ id }, i) => [id, Float64Array.of(importance(i))]));
  const { stage } = adapter.method;
  if (!stage) throw new Error('There is no stage.');
  const { method } = await model.replace('default', stage.next(scores, await adapter.targetValues()));
  return findingsOf(method);
}

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

  test('a shared adapter is the same tensors, a checkpoint those of its own', async () => {
    const { model, adapter } = await movedAdapter(pear, { r: 2 }, net);
    const before = await adapter.targetValues();
    const { shared, scores } = await passed(model);
    expect(shared).toEqual({ 'blocks.0.mlp': 'blocks.2.mlp', 'blocks.1.mlp': 'blocks.3.mlp' });
    expect(scores).toEqual({ 'blocks.0.mlp': 1, 'blocks.1.mlp': 2, 'blocks.2.mlp': 3, 'blocks.3.mlp': 4 });
    const { plan } = model.get('default');
    expect(plan.byTarget[0].A).toBe(plan.byTarget[2].A);
    expect(await plan.byTarget[0].A.get()).toEqual(before[2].values.A);
    expect(await plan.byTarget[0]['checkpoint.A'].get()).toEqual(before[0].values.A);
    expect(await plan.byTarget[1]['checkpoint.B'].get()).toEqual(before[1].values.B);
    expect([...model.trainable()].map(([path]) => path)).toEqual([
      'default/blocks.2.mlp.A',
      'default/blocks.2.mlp.B',
      'default/blocks.3.mlp.A',
      'default/blocks.3.mlp.B',
    ]);
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
    for (const [i, tensors] of own.plan.byTarget.entries())
      for (const [name, parameter] of Object.entries(tensors)) parameter.set(donor[i].values[name]);
    expect(await run(model)).toEqual(await run(alone));
  });
});

describe('importance', () => {
  const scoresOf = async (options: PearOptions): Promise<{ scores: PearFindings['scores']; values: TargetValues }> => {
    const { model, adapter } = await movedAdapter(pear, options, net);
    const values = await adapter.targetValues();
    return { scores: (await passed(model, i => (-1) ** i * (i + 1))).scores, values };
  };

  test('by Taylor it is the size of what the gate gives', async () => {
    expect(Object.values((await scoresOf({ r: 2 })).scores ?? {})).toEqual([1, 2, 3, 4]);
  });

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

  test('at random it comes from the seed and the place', async () => {
    const random = async (seed: number) => (await scoresOf({ r: 2, criterion: 'random', seed })).scores;
    const first = await random(1);
    expect(new Set(Object.values(first ?? {})).size).toBe(4);
    expect(await random(1)).toEqual(first);
    expect(await random(2)).not.toEqual(first);
  });

  test('that is no number is refused', async () => {
    const { model } = await movedAdapter(pear, { r: 2 }, net);
    await expect(passed(model, () => Number.NaN)).rejects.toThrow('the importance of blocks.0.mlp is NaN');
  });

  test('without gates, nothing is differentiated', () => {
    expect(pear({ criterion: 'magnitude' }).stage?.gate).toBeUndefined();
    expect(pear({ criterion: 'random' }).stage?.gate).toBeUndefined();
    expect(pear().stage?.aggregation).toBe('none');
  });
});

describe('who shares', () => {
  const mapOf = (backbone: string, options: PearOptions): [string, string][] => {
    const { shared } = findingsOf(planSettled(createBackbone(backbone), pear(options)).method);
    return Object.entries(shared as Record<string, string>);
  };
  const swin = 'swin_tiny_patch4_window7_224';

  test('on a ViT, all targets of a role, and no two roles', () => {
    const map = mapOf('vit_tiny_patch16_224', { act: 'identity', targets: ['attn.qkv[q,v]', 'mlp'] });
    expect(map).toHaveLength(18);
    const role = (id: string): string => id.replace(/\d+/, '');
    for (const [pruned, donor] of map) expect(role(donor)).toBe(role(pruned));
    expect(new Set(map.map(([pruned]) => role(pruned))).size).toBe(3);
    expect(mapOf('vit_tiny_patch16_224', { targets: ['attn', 'mlp'] })).toHaveLength(12);
  });

  test('on a Swin, only those of a stage', () => {
    const map = mapOf(swin, { targets: ['attn', 'mlp'] });
    expect(map).toHaveLength(12);
    const place = (id: string): string => id.replace(/blocks\.\d+/, '');
    for (const [pruned, donor] of map) expect(place(donor)).toBe(place(pruned));
  });

  test('however they are addressed', () => {
    expect(mapOf(swin, { act: 'identity', targets: String.raw`.*\.mlp\.fc[12]` })).toHaveLength(12);
    expect(mapOf('vit_tiny_patch16_224', { act: 'identity', targets: 'all-linear' })).toHaveLength(24);
    expect(mapOf('vit_tiny_patch16_224', { targets: ['blocks.1.mlp', 'blocks.2.mlp'] })).toHaveLength(1);
  });

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
  const vit = 'vit_base_patch16_224';
  const swin = 'swin_base_patch4_window7_224';
  const qv = { act: 'identity', targets: ['attn.qkv[q,v]'] } as const;

  test.each<[string, PearOptions, number, number]>([
    [vit, { ratio: 0 }, 147_456, 147_456],
    [vit, {}, 73_728, 147_456],
    [vit, { knowledgeCheckpoint: 'none' }, 73_728, 73_728],
    [vit, { ratio: 0.25, knowledgeCheckpoint: 'none' }, 110_592, 110_592],
    [vit, { ratio: 0.75, knowledgeCheckpoint: 'none' }, 36_864, 36_864],
    [vit, { share: false }, 73_728, 147_456],
    [vit, { shareInit: 'gate0' }, 73_734, 147_462],
    [vit, qv, 147_456, 294_912],
    [vit, { ...qv, ...merge }, 147_456, 294_912],
    [vit, { targets: ['attn', 'mlp'] }, 147_456, 294_912],
    [swin, { ratio: 0 }, 192_512, 192_512],
    [swin, {}, 96_256, 192_512],
    [swin, { knowledgeCheckpoint: 'none' }, 96_256, 96_256],
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

  test('of another model are refused by name', async () => {
    const shared = { 'blocks.1.mlp': 'blocks.0.mlp' };
    const plan = (options: PearOptions) => planAdapter(net(), pear(options));
    expect(() => plan({ findings: { shared: { 'blocks.4.mlp': 'blocks.0.mlp' } } })).toThrow(
      'pear: blocks.4.mlp is to share blocks.0.mlp, but blocks.4.mlp is not adapted here; closest: blocks.',
    );
    expect(() => plan({ findings: { shared: { ...shared, 'blocks.2.mlp': 'blocks.1.mlp' } } })).toThrow(
      'pear: blocks.2.mlp is to share blocks.1.mlp, which is pruned itself.',
    );
  });
});

describe('what is refused', () => {
  const staged: Method = { ...adaptformer(), type: 'staged', stage: pear().stage };
  test.each<[PearOptions, string]>([
    [{ ration: 0.3 } as PearOptions, 'pear has no option "ration"; closest: ratio'],
    [{ ratio: 1 }, 'pear: ratio is 1; it must be in [0, 1).'],
    [{ warmEpochs: -1 }, 'pear: warmEpochs is -1; it must be a number of 0 or more.'],
    [{ warmEpochs: 0 }, 'the criterion "taylor" finds all alike'],
    [{ scoreBatches: 0 }, 'pear: scoreBatches is 0; it must be an integer of 1 or more.'],
    [{ seed: 0.5 }, 'pear: seed is 0.5; it must be an integer.'],
    [{ criterion: 'fisher' as 'taylor' }, 'pear: criterion is "fisher"; it must be one of taylor, magnitude, random.'],
    [{ pairing: 'best' as 'top1' }, 'pear: pairing is "best"; it must be one of nearest, rank, top1, random.'],
    [
      { knowledgeCheckpoint: 'kept' as 'none' },
      'pear: knowledgeCheckpoint is "kept"; it must be one of frozen, merge, none.',
    ],
    [{ shareInit: 'zero' as 'gate0' }, 'pear: shareInit is "zero"; it must be one of asIs, gate0.'],
    [merge, 'but adaptformer cannot be merged: a ReLU lies between its factors'],
    [
      { base: lora(down), r: 4 },
      'pear: r is an option of the base that pear makes itself; give it to the lora that is its base.',
    ],
    [{ base: staged }, 'pear: staged has a stage of its own still to come (pruning and sharing)'],
    [{ r: 0 }, 'adaptformer: r is 0'],
  ])('%#: %s', (options, message) => {
    expect(() => pear(options)).toThrow(message);
  });

  test.each<[string, PearOptions, string]>([
    ['one target', { base: lora({ targets: ['head'] }) }, 'pear: nothing can be pruned: of the 1 targets (head, ...)'],
    [
      'too small a ratio',
      { ratio: 0.1 },
      'pear: nothing can be pruned: of the 4 targets (blocks.0.mlp, ...), a ratio of 0.1',
    ],
    ['a block to merge into', { act: 'identity', ...merge }, 'but blocks.0.mlp is a block without one'],
  ])('%s', (_, options, message) => {
    expect(() => planAdapter(net(), pear(options))).toThrow(message);
  });

  test('tensors with a name of its own', () => {
    const base: Method = { ...adaptformer(), parameters: target => ({ gate: adaptformer().parameters(target, []).A }) };
    expect(() => planSettled(net(), pear({ base }))).toThrow('pear: a tensor of adaptformer is called gate');
  });
});

test('its defaults are those of the options', () => {
  expect(pear().config).toMatchObject({
    ratio: 0.5,
    criterion: 'taylor',
    pairing: 'nearest',
    knowledgeCheckpoint: 'frozen',
  });
  expect(pear().base?.config).toEqual(adaptformer({ targets: ['mlp'], r: 8, act: 'relu' }).config);
  expect(pear().stage?.after(100)).toBe(30);
  expect(pear({ warmEpochs: 2.5 }).stage?.after(100)).toBe(2.5);
});
