import { expect, test } from 'vitest';
import { pythonMissing } from '../src/python.ts';
import { type AdapterSpec, type ReferenceScores, ScoreCase, type ScoreRequest } from '../src/scores.ts';

/** An adapter of a ViT of 24 features that adds nothing, and whose magnitude is given. */
function idle(target: string, kind: AdapterSpec['kind'], magnitude: number): AdapterSpec {
  const A = Float32Array.from({ length: 48 }, (_, i) => (i === 0 ? magnitude : 0));
  return {
    target,
    kind,
    scale: 1,
    A: { shape: [24, 2], values: A },
    B: { shape: [2, 24], values: new Float32Array(48) },
  };
}

async function score(request: ScoreRequest): Promise<ReferenceScores> {
  const on = await ScoreCase.make('vit');
  try {
    return on.score(request);
  } finally {
    on.dispose();
  }
}

const skipped = pythonMissing ? ` (skipped: ${pythonMissing})` : '';
test.skipIf(pythonMissing)(`the reference's Pear prunes and shares as its rules say${skipped}`, async () => {
  const adapters = [5, 1, 4, 2, 6, 3].map((magnitude, i) => idle(`blocks.${i}.mlp`, 'bottleneck', magnitude));
  const cases = [
    [0.5, 'nearest', [1, 3, 5], { 1: 0, 3: 2, 5: 4 }],
    [0.5, 'rank', [1, 3, 5], { 1: 2, 3: 0, 5: 4 }],
    [0.5, 'top1', [1, 3, 5], { 1: 4, 3: 4, 5: 4 }],
    [0.25, 'nearest', [1, 3], { 1: 0, 3: 4 }],
    [0.6, 'nearest', [1, 3, 5, 2], { 1: 0, 2: 4, 3: 4, 5: 0 }],
    [0.6, 'rank', [1, 3, 5, 2], { 1: 0, 2: 4, 3: 4, 5: 0 }],
    [0.75, 'nearest', [1, 3, 5, 2, 0], { 0: 4, 1: 4, 2: 4, 3: 4, 5: 4 }],
    [0, 'nearest', [], {}],
  ] as const;
  const plans = cases.map(([ratio, pairing]) => ({ criterion: 'magnitude', ratio, pairing }) as const);
  const found = (await score({ adapters, pear: { plans } })).pear;
  const name = (block: number | string): string => `blocks.${block}.mlp`;
  for (const [i, [, , pruned, shares]] of cases.entries()) {
    expect(found.plans[i].pruned).toEqual(pruned.map(name));
    const named = Object.entries(shares).map(([position, donor]) => [name(position), name(donor)]);
    expect(found.plans[i].shares).toEqual(Object.fromEntries(named));
  }
});

test.skipIf(pythonMissing)(`the reference breaks ties by position${skipped}`, async () => {
  const targets = [0, 1, 2, 3, 4, 5].flatMap(i => [`blocks.${i}.attn.qkv[q]`, `blocks.${i}.attn.qkv[v]`]);
  const { heat, pear } = await score({
    adapters: targets.map(target => idle(target, 'lowrank', 1)),
    heat: {
      sources: ['delta'],
      masks: (['global', 'layer', 'allHeads'] as const).map(scope => ({
        strategy: 'qv',
        scope,
        ne: 1,
        source: 'delta',
      })),
    },
    pear: { plans: [{ criterion: 'taylor', ratio: 0.5, pairing: 'rank' }] },
  });
  const [global, layer, allHeads] = heat.masks.map(Object.values);
  expect(global).toEqual(new Array(6).fill([0]));
  expect(layer).toEqual(new Array(6).fill([0]));
  expect(allHeads).toEqual([[0, 1, 2], [0, 1, 2], [], [], [], []]);
  const q = targets.filter(target => target.endsWith('[q]'));
  const v = targets.filter(target => target.endsWith('[v]'));
  expect(pear.plans[0].pruned).toEqual([...q.slice(0, 3), ...v.slice(0, 3)]);
  expect(pear.plans[0].shares).toEqual(
    Object.fromEntries([q, v].flatMap(of => [0, 1, 2].map(i => [of[i], of[i + 3]]))),
  );
});
