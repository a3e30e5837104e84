import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instantiate } from '../instantiate.mjs';
import { compileKernels, type KernelExports } from '../module.ts';
import { alone, startTeam, type Team } from './team.ts';
import { mostParts } from './work.mjs';

const memory = new WebAssembly.Memory({ initial: 128, maximum: 128, shared: true });
const values = new Float32Array(memory.buffer);
const scratches = [2 << 20, 4 << 20];
let kernels: KernelExports;
let team: Team;

beforeAll(async () => {
  const module = await compileKernels(true);
  kernels = await instantiate(module, memory);
  team = await startTeam(module, memory, kernels, scratches);
});

afterAll(() => team.end());

/** Fills each of `parts` rows of `length` with its number, in two calls. */
function fillRows(by: Team, parts: number, length: number): Float32Array {
  values.fill(-1, 0, parts * length);
  by.run(parts, ({ fill, moveRows }, part) => {
    const [at, half] = [4 * length * part, Math.floor(length / 2)];
    fill(at, half, part);
    moveRows(at, at + 4 * half, length - half, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0); // of what the first call wrote
  });
  return values.slice(0, parts * length);
}

describe('a team of three', () => {
  test('reports its size', () => {
    expect(team.threads).toBe(3);
    expect(alone(kernels).threads).toBe(1);
  });

  test.each([1, 2, 7, mostParts, mostParts + 1, 3 * mostParts])(
    'computes each of %i parts, its calls in order',
    parts => {
      const length = 8;
      const found = new Uint32Array(fillRows(team, parts, length).buffer);
      const expected = Uint32Array.from({ length: parts * length }, (_, i) => Math.floor(i / length));
      expect(found).toEqual(expected);
    },
  );

  test('many times over', () => {
    const expected = fillRows(alone(kernels), 50, 64);
    for (let round = 0; round < 5000; round++) {
      const found = fillRows(team, 50, 64);
      if (round % 500 === 0) expect(found).toEqual(expected);
    }
    expect(fillRows(team, 50, 64)).toEqual(expected);
  });

  test('gives work to all', async () => {
    // Each thread packs its panels in its own scratch space.
    const used = () => [...scratches].filter(at => values[at / 4] !== 0).length;
    const [m, n, k] = [64, 64, 256];
    values.fill(1, 0, m * k);
    for (const at of scratches) values[at / 4] = 0;
    kernels.setScratch(6 << 20);
    for (let round = 0; round < 200 && used() < scratches.length; round++) {
      team.run(24, ({ gemm }) => gemm(m, n, k, 0, 4 * k, false, 0, 4 * n, false, 1 << 20, 4 * n, 1, 0, 0));
    }
    expect(used()).toBe(scratches.length);
  });

  test('a failed part throws here, and later work still runs', () => {
    const outside = memory.buffer.byteLength;
    expect(() => team.run(9, ({ fill }, part) => fill(part === 4 ? outside : 0, 4, 0))).toThrow('wasm kernel failed');
    expect(fillRows(team, 9, 8)).toEqual(fillRows(alone(kernels), 9, 8));
  });
});

test('a helper that cannot start throws, and no thread is left running', async () => {
  const module = await compileKernels(false); // needs memory that is not shared
  await expect(startTeam(module, memory, kernels, scratches)).rejects.toThrow('did not start: LinkError');
});
