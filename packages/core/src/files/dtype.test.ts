import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fromFloat32, fromInt32, PeftError, toFloat32, toInt32 } from '../index.ts';

const bytes = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));

/** What torch answered: scripts/fixtures.py. */
const { rounding } = JSON.parse(readFileSync(new URL('../../test/fixtures/files.json', import.meta.url), 'utf8'));

// Bytes are read and written on the host, whatever the backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('stored numbers', () => {
  const values = new Float32Array(bytes(rounding.bits).buffer);

  test.each(['F16', 'BF16'] as const)('%s rounds as torch, subnormal, halfway, infinite and nan', dtype => {
    const expected = new Uint16Array(bytes(rounding[dtype]).buffer);
    const stored = fromFloat32(values, [values.length], dtype);
    const found = new Uint16Array(stored.bytes.buffer);
    const infinity = dtype === 'F16' ? 0x7c00 : 0x7f80;
    const isNan = (half: number): boolean => (half & 0x7fff) > infinity;
    const differ = [...found].flatMap((half, i) =>
      half === expected[i] || (isNan(half) && isNan(expected[i])) ? [] : [i],
    );
    expect(values.length).toBeGreaterThan(2000);
    expect(differ).toEqual([]);
  });

  test.each(['F16', 'BF16'] as const)('%s reads back what it holds, all 65,536 of it', dtype => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const read = toFloat32({ dtype, shape: [65536], bytes: new Uint8Array(all.buffer) });
    const again = new Uint16Array(fromFloat32(read, [65536], dtype).bytes.buffer);
    expect([...all].filter(i => again[i] !== i && !Number.isNaN(read[i]))).toEqual([]);
  });

  test.each([0, 1, 2, 3, 5])('tensors at an odd address are read, also from a Buffer (%i bytes off)', offset => {
    const numbers = Float32Array.of(1.5, -2, 3);
    const buffer = Buffer.alloc(offset + 12 + 8);
    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      const { bytes: stored, shape } = fromFloat32(numbers, [3], dtype);
      buffer.set(stored, offset);
      const view = buffer.subarray(offset, offset + stored.length);
      expect([...toFloat32({ dtype, shape, bytes: view })]).toEqual([...numbers]);
    }
    buffer.set(new Uint8Array(BigInt64Array.of(-5n, 7n).buffer), offset);
    expect([...toInt32({ dtype: 'I64', shape: [2], bytes: buffer.subarray(offset, offset + 16) })]).toEqual([-5, 7]);
  });

  test('integers read as integers and as numbers; one beyond 32 bits is refused', () => {
    expect([...toFloat32(fromInt32(Int32Array.of(3, -4), [2]))]).toEqual([3, -4]);
    expect([...toInt32({ dtype: 'BOOL', shape: [2], bytes: Uint8Array.of(1, 0) })]).toEqual([1, 0]);
    const large = { dtype: 'I64' as const, shape: [1], bytes: new Uint8Array(BigInt64Array.of(2n ** 31n).buffer) };
    expect(() => toInt32(large)).toThrow(PeftError);
    expect(() => toInt32(fromFloat32(Float32Array.of(1), [1]))).toThrow('F32 was found where integers are expected');
  });
});
