import { modules } from '@peft/core';
import { expect, test } from 'vitest';
import { difference } from '../net.ts';
import { moved, output, type Subject } from '../subject.ts';

/** Disabling and removing an adapter restore the base. */
export function checkRemoval(subject: Subject): void {
  test('disabled, the base is exact; removed, it is pristine', async () => {
    const before = await output(subject, subject.network());
    const model = await moved(subject);
    expect(difference(await output(subject, model), before)).toBeGreaterThan(1e-3);
    model.enabled = false;
    expect(await output(subject, model)).toEqual(before);
    model.enabled = true;
    model.remove('default');
    expect(await output(subject, model)).toEqual(before);
    expect([...modules(model.base)].filter(([, module]) => !module.isPristine)).toEqual([]);
  });
}
