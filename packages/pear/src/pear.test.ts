import { createBackbone } from '@peft/backbones';
import { adaptformer, countParameters, type Method, type ParameterReport } from '@peft/core';
import { planAdapter, planSettled, type TargetValues } from '@peft/core/method';
import { conformance, movedAdapter } from '@peft/testing';
import { describe, expect, test } from 'vitest';
import { cases, down, findingsOf, merge, net, passed } from '../test/pruned.ts';
import { type PearFindings, type PearOptions, pear } from './index.ts';

conformance(
  pear,
  cases.map(one => ({ ...one, portable: false })),
  { network: net },
);

describe('what it leaves and adds', () => {
  test('a shared adapter is the same tensors, a checkpoint those of its own', async () => {
    const { model, adapter } = await movedAdapter(pear, { r: 2 }, net);
    const before = await adapter.targetValues();
    const { shared, scores } = await passed(model);
    expect(shared).toEqual({ 'blocks.0.mlp': 'blocks.2.mlp', 'blocks.1.mlp': 'blocks.3.mlp' });
    expect(scores).toEqual({ 'blocks.0.mlp': 1, 'blocks.1.mlp': 2, 'blocks.2.mlp': 3, 'blocks.3.mlp': 4 });
    const { plan } = model.get('default');
    expect(plan.byTarget[0].parameters.A).toBe(plan.byTarget[2].parameters.A);
    expect(await plan.byTarget[0].parameters.A.get()).toEqual(before[2].values.A);
    expect(await plan.byTarget[0].parameters['checkpoint.A'].get()).toEqual(before[0].values.A);
    expect(await plan.byTarget[1].parameters['checkpoint.B'].get()).toEqual(before[1].values.B);
    expect([...model.trainable()].map(([path]) => path)).toEqual([
      'default/blocks.2.mlp.A',
      'default/blocks.2.mlp.B',
      'default/blocks.3.mlp.A',
      'default/blocks.3.mlp.B',
    ]);
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
  ])('of %s with %j', (backbone, options, trainable, stored) => {
    expect(counts(backbone, options)).toMatchObject({ adapter: stored, adapterTrainable: trainable });
  });
});

describe('files', () => {
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
      { base: adaptformer(down), r: 4 },
      'pear: r is an option of the base that pear makes itself; give it to the adaptformer that is its base.',
    ],
    [{ base: staged }, 'pear: staged has a stage of its own still to come (pruning and sharing)'],
    [{ r: 0 }, 'adaptformer: r is 0'],
  ])('%#: %s', (options, message) => {
    expect(() => pear(options)).toThrow(message);
  });

  test.each<[string, PearOptions, string]>([
    [
      'one target',
      { base: adaptformer({ targets: ['head'] }) },
      'pear: nothing can be pruned: of the 1 targets (head, ...)',
    ],
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
