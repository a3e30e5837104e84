import { expect, test } from 'vitest';
import { deviation } from '../net.ts';
import { output, type Subject } from '../subject.ts';

/** No-op at the start, and determinism. */
export function checkStart(subject: Subject): void {
  test('it is a no-op at the start, and the same key gives the same start', async () => {
    const before = await output(subject, subject.network());
    const [first, second] = await Promise.all([subject.attach(), subject.attach()]);
    const after = await output(subject, first);
    expect(deviation(after, before)).toBeLessThanOrEqual(subject.exact ? 0 : 2e-6);
    expect(await output(subject, second)).toEqual(after);
    expect(await output(subject, first)).toEqual(after);
  });
}
