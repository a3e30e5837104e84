import { readFileSync } from 'node:fs';
import { array, assert, constantFrom, json, nat, property, record, string, uint8Array, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesPerElement,
  fromFloat32,
  PeftError,
  parseSafetensors,
  type StoredDtype,
  type StoredTensor,
  serializeSafetensors,
} from '../index.ts';

const decode = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));

/** Files that Python's safetensors wrote: scripts/fixtures.py. */
const { safetensors: files }: { safetensors: Record<string, string> } = JSON.parse(
  readFileSync(new URL('../../test/fixtures/files.json', import.meta.url), 'utf8'),
);

const dtypes: StoredDtype[] = ['F32', 'F16', 'BF16', 'I64', 'I32', 'U8', 'BOOL'];

/** A file of the given header, with `dataBytes` zeros behind it. */
function file(header: unknown, dataBytes = 0, claimed?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** Parses, and demands that whatever goes wrong is said as a `bad-file` of that name. */
function parses(bytes: Uint8Array): boolean {
  try {
    parseSafetensors(bytes, 'model.safetensors');
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(PeftError);
    expect(error).toMatchObject({ code: 'bad-file', message: expect.stringContaining('model.safetensors') });
    return false;
  }
}

const tensor = (dtype: string, shape: unknown, ...offsets: unknown[]): unknown => ({
  dtype,
  shape,
  data_offsets: offsets,
});

// Bytes are read and written on the host, whatever the backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('safetensors', () => {
  test.each(Object.keys(files))("%s: byte for byte what Python's writer writes", name => {
    const bytes = decode(files[name]);
    const { tensors, metadata } = parseSafetensors(bytes, name);
    expect(serializeSafetensors([...tensors].reverse(), metadata)).toEqual(bytes);
  });

  const stored = record({
    name: string({ unit: 'binary' }).filter(name => name !== '__metadata__'),
    dtype: constantFrom(...dtypes),
    shape: array(nat(4), { maxLength: 3 }),
    fill: nat(255),
  }).map(({ name, dtype, shape, fill }): [string, StoredTensor] => {
    const size = shape.reduce((product, n) => product * n, bytesPerElement[dtype]);
    return [name, { dtype, shape, bytes: new Uint8Array(size).fill(fill) }];
  });
  const anyTensors = uniqueArray(stored, { selector: ([name]) => name, maxLength: 6 });

  test('what is written is read, any type, any rank, empty or not', () => {
    assert(
      property(anyTensors, tensors => {
        const read = parseSafetensors(serializeSafetensors(tensors, { format: 'pt' }), 'memory');
        expect(read.tensors).toEqual(new Map(tensors));
        expect(read.metadata).toEqual({ format: 'pt' });
      }),
    );
  });

  test('what cannot be read back is not written', () => {
    const one = fromFloat32(Float32Array.of(1), [1]);
    const twice: [string, StoredTensor][] = [
      ['a', one],
      ['a', one],
    ];
    expect(() => serializeSafetensors(twice)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    expect(() => serializeSafetensors([['__metadata__', one]])).toThrow(
      expect.objectContaining({ code: 'bad-argument' }),
    );
    expect(() => serializeSafetensors([['a', { ...one, shape: [2] }]])).toThrow('F32 [2] takes 8 bytes, not 4');
  });

  test('200,000 tensors are read', () => {
    const many = Array.from({ length: 200_000 }, (_, i) => [`t${i}`, tensor('F32', [0], 0, 0)]);
    expect(parseSafetensors(file(Object.fromEntries(many)), 'many').tensors.size).toBe(200_000);
  });

  const f32 = tensor('F32', [2], 0, 8);
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['less than a length', new Uint8Array(7)],
    ['no header', new Uint8Array(8)],
    ['a header longer than the file', file({ a: f32 }, 8, 10_000n)],
    ['a header of 100 MB', file({ a: f32 }, 8, 100_000_000n)],
    ['a header beyond what the format allows', file({ a: f32 }, 8, 100_000_001n)],
    ['a header of 2^64 - 1 bytes', file({ a: f32 }, 8, 2n ** 64n - 1n)],
    ['a header cut short', file({ a: f32 }, 8, 9n)],
    ['data cut short', file({ a: f32 }, 7)],
    ['data left over', file({ a: f32 }, 9)],
    ['an overlap', file({ a: f32, b: tensor('F32', [2], 4, 12) }, 12)],
    ['the same place twice', file({ a: f32, b: f32 }, 8)],
    ['a hole', file({ a: f32, b: tensor('F32', [1], 12, 16) }, 16)],
    ['a hole at the start', file({ a: tensor('F32', [2], 8, 16) }, 16)],
    ['a size that is not that of the shape', file({ a: tensor('F32', [3], 0, 8) }, 8)],
    ['a shape whose size overflows', file({ a: tensor('F32', [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1], 0, 8) }, 8)],
    ['a negative size', file({ a: tensor('F32', [-2, -1], 0, 8) }, 8)],
    ['a fractional size', file({ a: tensor('F32', [0.5, 4], 0, 8) }, 8)],
    ['a shape that is no list', file({ a: tensor('F32', '2', 0, 8) }, 8)],
    ['offsets that run backwards', file({ a: tensor('F32', [2], 8, 0) }, 8)],
    ['three offsets', file({ a: tensor('F32', [2], 0, 4, 8) }, 8)],
    ['no offsets', file({ a: { dtype: 'F32', shape: [2] } }, 8)],
    ['a null', file({ a: null })],
    ['metadata that is no text', file({ __metadata__: { epoch: 3 } })],
    ['metadata that is a list', file({ __metadata__: ['a'] })],
    ['a list', file('[]')],
    ['a text', file('"{}"')],
    ['leading space', file(' {}')],
    ['broken JSON', file('{"a":')],
    ['deep JSON', file(`{"a":${'['.repeat(200_000)}`)],
    ['bytes that are no UTF-8', file('{"\u0000": 1}').fill(0xff, 10, 11)],
  ])('%s is refused', (_, bytes) => {
    expect(parses(bytes)).toBe(false);
  });

  test('a name that every object has is a name', () => {
    const header = `{"__proto__":${JSON.stringify(f32)},"constructor":${JSON.stringify(tensor('U8', [], 8, 9))}}`;
    expect([...parseSafetensors(file(header, 9), 'memory').tensors.keys()]).toEqual(['__proto__', 'constructor']);
    const { tensors } = parseSafetensors(file(header, 9), 'memory');
    expect(parseSafetensors(serializeSafetensors(tensors), 'memory').tensors).toEqual(tensors);
  });

  test('random bytes, random JSON and damaged files end in a reading or a bad-file, never otherwise', () => {
    assert(property(uint8Array({ maxLength: 64 }), bytes => void parses(bytes)));
    assert(property(json(), nat(16), (text, size) => void parses(file(text, size))));
    const count = constantFrom<unknown>(0, 1, 4, 8, -1, 0.5, 2 ** 53, '4', null, [], true);
    const entry = record(
      {
        dtype: constantFrom<unknown>(...dtypes, 'F64', null, 3),
        shape: array(count, { maxLength: 2 }),
        data_offsets: array(count, { maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    assert(
      property(entry, entry, nat(16), (a, b, size) => void parses(file({ a, b }, size))),
      { numRuns: 500 },
    );
    const whole = decode(files.tensors);
    const damage = array(record({ at: nat(whole.length - 1), byte: nat(255) }), { minLength: 1, maxLength: 3 });
    assert(
      property(damage, nat(whole.length), (changes, length) => {
        const broken = whole.slice(0, length);
        for (const { at, byte } of changes) if (at < length) broken[at] = byte;
        parses(broken);
      }),
      { numRuns: 1000 },
    );
  });

  test('a file cut anywhere is refused', () => {
    const whole = decode(files.tensors);
    const read = Array.from(whole, (_, length) => length).filter(length => parses(whole.subarray(0, length)));
    expect(read).toEqual([]);
  });
});
