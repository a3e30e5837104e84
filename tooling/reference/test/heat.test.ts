import { eagerEngine, fold, key } from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { isMadeBy } from '@peft/core/method';
import { type HeatOptions, heat } from '@peft/heat';
import { passStage, stageOf } from '@peft/train';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { difference } from '../src/interop.ts';
import { pythonMissing } from '../src/python.ts';
import { adapterSpecs, type MaskSpec, type ReferenceScores, ScoreCase } from '../src/scores.ts';

const masks = (['activation', 'delta'] as const).flatMap((source): MaskSpec[] => [
  ...(['q', 'v', 'qv'] as const).flatMap(strategy =>
    (['global', 'layer', 'allHeads'] as const).map(
      (scope): MaskSpec => ({ source, aggregation: 'batch', strategy, scope, ratio: 0.5 }),
    ),
  ),
  ...(['sample', 'none', 'square'] as const).map(
    (aggregation): MaskSpec => ({ source, aggregation, strategy: 'qv', scope: 'layer', ratio: 0.5 }),
  ),
  { source, aggregation: 'batch', strategy: 'qv', scope: 'global', ratio: 0.5, normalizeLayers: true },
]);

const title = `HEAT against PyTorch's autograd${pythonMissing ? ` (skipped: ${pythonMissing})` : ''}`;
describe.skipIf(pythonMissing)(title, () => {
  describe.each(['vit', 'swin'] as const)('on a %s', kind => {
    let on: ScoreCase;
    let theirs: ReferenceScores['heat'];

    /** A HEAT whose pairs have values, as they would have after some epochs. */
    async function begin(options: HeatOptions) {
      const model = await on.open();
      const adapter = await model.add('default', heat({ r: 3, scale: 0.5, ratio: 0.5, ...options }), { key: key(1) });
      for (const [path, parameter] of adapter.parameters()) {
        parameter.set(drawNormal(fold(key(2), path), parameter.size).map(value => 0.3 * value));
      }
      return { model, adapter };
    }

    beforeAll(async () => {
      on = await ScoreCase.make(kind);
      const adapters = await adapterSpecs((await begin({})).adapter, 'lowrank', 0.5);
      theirs = on.score({ adapters, heat: { sources: ['activation', 'delta'], masks } }).heat;
    });
    afterAll(() => on.dispose());

    test.each(masks)('$source $aggregation $strategy $scope', async spec => {
      const { source = 'activation', aggregation = 'batch', strategy, ...options } = spec;
      const { model, adapter } = await begin({ scoreOn: source, aggregation, strategy, ...options, warmEpochs: 1 });
      const { method } = await passStage(model, adapter, stageOf(adapter)!, {
        engine: eagerEngine(),
        source: on.source,
      });
      if (!isMadeBy(method, heat) || !method.findings) throw new Error('Nothing was found.');
      const { scores, off } = method.findings;
      expect(Object.keys(scores!)).toEqual(Object.keys(theirs.scores[source]));
      for (const [path, sides] of Object.entries(scores!)) {
        for (const side of ['q', 'v'] as const) {
          if (!strategy.includes(side)) continue;
          const expected = theirs.scores[source][path][side][aggregation];
          expect(difference(sides[side]!, expected)).toBeLessThan(1e-3 * Math.max(...expected.map(Math.abs)));
        }
      }
      expect(off).toEqual(theirs.masks[masks.indexOf(spec)]);
    });
  });
});
