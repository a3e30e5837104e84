import { expect, test } from 'vitest';
import { deviation } from '../net.ts';
import { moved, output, type Subject, weights } from '../subject.ts';

/** The merge round trip, or the reason why there is none. */
export function checkMerging(subject: Subject): void {
  test.runIf(subject.mergeable)('it merges, and unmerges bit by bit', async () => {
    const model = await moved(subject);
    const adapted = await output(subject, model);
    const frozen = await weights(model);
    model.merge();
    const isFolded = [...model.get('default').plan.parameters.values()].some(({ fixed }) => !fixed);
    if (isFolded) expect(await weights(model)).not.toEqual(frozen);
    expect(deviation(await output(subject, model), adapted)).toBeLessThan(2e-5);
    model.unmerge();
    expect(await weights(model)).toEqual(frozen);
    expect(await output(subject, model)).toEqual(adapted);
  });

  test.runIf(!subject.mergeable)('it refuses to merge, with the reason, and changes nothing', async () => {
    const model = await moved(subject);
    const adapted = await output(subject, model);
    expect(() => model.merge()).toThrow(/cannot be merged: \S/);
    expect(await output(subject, model)).toEqual(adapted);
  });
}
