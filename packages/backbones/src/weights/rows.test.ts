import { fromFloat32, type StoredTensor, toFloat32 } from '@peft/core';
import { expect, test } from 'vitest';
import { joinRows, splitRows } from './rows.ts';

const above = fromFloat32(Float32Array.of(1, 2, 3, 4), [2, 2]);
const below = (dtype: 'F32' | 'F16'): StoredTensor => fromFloat32(Float32Array.of(5, 6), [1, 2], dtype);

test.each(['F32', 'F16'] as const)(
  'joins rows of F32 and %s, read at once or aside, and cuts them apart',
  async dtype => {
    const joined = joinRows([above, below(dtype)]);
    expect(joined).toMatchObject({ dtype: 'F32', shape: [3, 2] });
    expect([...toFloat32(joined)]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await joined.read?.()).toEqual(joined.bytes);
    expect(splitRows(joined, ['a', 'b', 'c']).map(([, row]) => [...toFloat32(row)])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  },
);

test('asks a part that can be read aside for that', async () => {
  const aside: StoredTensor = {
    ...below('F32'),
    get bytes(): Uint8Array {
      throw new Error('This would hold up the thread.');
    },
    read: async () => below('F32').bytes,
  };
  const bytes = (await joinRows([above, aside]).read?.()) as Uint8Array;
  expect([...toFloat32({ ...above, bytes })]).toEqual([1, 2, 3, 4, 5, 6]);
});
