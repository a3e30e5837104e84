import { expect, test, vi } from 'vitest';
import { kernelBuilds } from '#kernels';
import { instantiate } from './instantiate.mjs';
import { compileKernels } from './module.ts';

const relaxed = Uint8Array.from(atob(kernelBuilds.relaxedSimd), c => c.charCodeAt(0));

/** a b + c for numbers of which rounding a b loses the last bits of the sum. */
async function multiplyAdd(shared: boolean): Promise<number> {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared });
  const kernels = await instantiate(await compileKernels(shared), memory);
  const [a, b, c] = [0, 16, 32];
  kernels.setScratch(64);
  new Float32Array(memory.buffer).set([-1, 1 + 2 ** -12, 0, 0, 1 + 2 ** -11, 1 + 2 ** -12]);
  kernels.gemm(1, 1, 2, a, 8, false, b, 4, false, c, 4, 1, 0, 0); // -(1 + 2^-11) + (1 + 2^-12)^2 = 2^-24
  return new Float32Array(memory.buffer)[8];
}

test.each([
  ['memory of its own', false],
  ['shared memory', true],
])('products in %s are fused where the processor can, also where V8 must be asked', async (_, shared) => {
  expect([0, 2 ** -24]).toContain(await multiplyAdd(shared));
});

test('the V8 flag is reset', async () => {
  const before = WebAssembly.validate(relaxed);
  await compileKernels(false);
  expect(WebAssembly.validate(relaxed)).toBe(before);
});

test('a runtime without relaxed SIMD gets the plain kernels', async () => {
  const validate = vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
  expect(await multiplyAdd(false)).toBe(0);
  validate.mockRestore();
});
