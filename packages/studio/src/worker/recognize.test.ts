import { readFile } from 'node:fs/promises';
import { serializeSafetensors } from '@peft/core';
import { modelWeights } from '@peft/pico';
import { expect, test } from 'vitest';
import { recognize } from './recognize.ts';

test.each(['pico-vit', 'pico-swin'] as const)('the weights of %s are recognized', async name => {
  expect((await recognize(new File([await readFile(modelWeights(name))], 'model.safetensors')))[0]).toBe(name);
});

test('a file that is no model says so', async () => {
  const other = serializeSafetensors([['a', { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) }]]);
  await expect(recognize(new File([new Uint8Array(other)], 'other.safetensors'))).rejects.toThrow(
    /other\.safetensors has the weights of none of the \d+ models here/,
  );
  await expect(recognize(new File(['no weights'], 'a.safetensors'))).rejects.toThrow(/a\.safetensors/);
});
