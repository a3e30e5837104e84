import { expect, test } from 'vitest';
import { Identity, type Patch, patch } from '../index.ts';

test.each<[string, Patch[], boolean]>([
  ['nothing', [], true],
  ['a patch of the weight', [{ weight: w => w }], true],
  ['a patch of the output', [{ output: y => y }], false],
  ['a patch of the input', [{ input: x => x }], false],
  [
    'rowwise patches',
    [
      { rowwise: true, input: x => x },
      { rowwise: true, output: y => y },
    ],
    true,
  ],
  ['a rowwise patch and another', [{ rowwise: true, output: y => y }, { output: y => y }], false],
])('with %s, a module is patched row by row: %#', (_, patches, expected) => {
  const module = new Identity();
  for (const change of patches) patch(module, change);
  expect(module.isPatchedRowwise).toBe(expected);
});
