import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, start } from '@peft/vitest/child';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

describe.runIf(process.env.PEFT_BACKEND === 'cpu')('a process that ends while the thread computes', () => {
  let scratch: string;
  let child: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'peft-exit-'));
    const program = new URL('../../test/children/compute.ts', import.meta.url).pathname;
    child = await bundle(program, scratch, new URL('./node.ts', import.meta.url));
  });
  afterAll(() => rm(scratch, { recursive: true }));

  test.each([
    ['exit', 3],
    ['throw', 1],
    ['dispose', 0],
  ])('by %s ends with its own status and no abort in native code', async (way, status) => {
    for (const delay of [10, 30, 45, 60, 75, 90]) {
      const lines: string[] = [];
      const { end, errors } = await start(child, [way, String(delay)], line => lines.push(line)).ended;
      expect(end, errors).toBe(status);
      expect(errors).not.toContain('terminate called');
      expect(lines).toEqual(way === 'dispose' ? ['computing', 'disposed'] : ['computing']);
    }
  });
});
