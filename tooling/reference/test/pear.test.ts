import { type AdaptedModel, type Adapter, adaptformer, eagerEngine, fold, key, type Method } from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { isMadeBy } from '@peft/core/method';
import { pear } from '@peft/pear';
import { passStage, stageOf } from '@peft/train';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pythonMissing } from '../src/python.ts';
import { type AdapterSpec, adapterSpecs, type PlanSpec, type ReferenceScores, ScoreCase } from '../src/scores.ts';

const adapted: Record<string, { base: Method; kind: AdapterSpec['kind']; scale: number }> = {
  bottlenecks: { base: adaptformer({ r: 4, scale: 0.7 }), kind: 'bottleneck', scale: 0.7 },
  pairs: {
    base: adaptformer({ targets: ['attn.qkv[q,v]'], r: 3, act: 'identity', scale: 0.5 }),
    kind: 'lowrank',
    scale: 0.5,
  },
};

const plans = (['taylor', 'magnitude'] as const).flatMap(criterion =>
  [0.25, 0.5, 0.75].flatMap(ratio =>
    (['nearest', 'rank', 'top1'] as const).map((pairing): PlanSpec => ({ criterion, ratio, pairing })),
  ),
);

const cases = (['vit', 'swin'] as const).flatMap(kind => Object.keys(adapted).map(what => [what, kind] as const));
const title = `Pear against PyTorch's autograd${pythonMissing ? ` (skipped: ${pythonMissing})` : ''}`;
describe.skipIf(pythonMissing)(title, () => {
  describe.each(cases)('of %s on a %s', (what, kind) => {
    const { base, kind: form, scale } = adapted[what];
    let on: ScoreCase;
    let theirs: ReferenceScores['pear'];

    /** A Pear whose adapters have values, as they would have after some epochs. */
    async function begin(plan: PlanSpec): Promise<{ model: AdaptedModel; adapter: Adapter }> {
      const model = await on.open();
      const adapter = await model.add('default', pear({ base, ...plan }), { key: key(1) });
      for (const [path, parameter] of adapter.parameters()) {
        parameter.set(drawNormal(fold(key(2), path), parameter.size).map(value => 0.3 * value));
      }
      return { model, adapter };
    }

    beforeAll(async () => {
      on = await ScoreCase.make(kind);
      const { adapter } = await begin(plans[0]);
      theirs = on.score({ adapters: await adapterSpecs(adapter, form, scale), pear: { plans } }).pear;
    });
    afterAll(() => on.dispose());

    test.each(plans)('$criterion, $ratio, $pairing', async plan => {
      const { model, adapter } = await begin(plan);
      const { method } = await passStage(model, adapter, stageOf(adapter)!, {
        engine: eagerEngine(),
        source: on.source,
      });
      if (!isMadeBy(method, pear) || !method.findings) throw new Error('Nothing was found.');
      const { scores, shared } = method.findings;
      expect(Object.keys(scores!)).toEqual(Object.keys(theirs.scores));
      const largest = Math.max(...Object.values(theirs.scores).map(score => score[plan.criterion]));
      for (const [target, score] of Object.entries(scores!)) {
        expect(Math.abs(score - theirs.scores[target][plan.criterion])).toBeLessThan(1e-3 * largest);
      }
      const expected = theirs.plans[plans.indexOf(plan)];
      expect(shared).toEqual(expected.shares);
      expect(Object.keys(shared!).sort()).toEqual([...expected.pruned].sort());
    });
  });
});
