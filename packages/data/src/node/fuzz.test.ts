import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PeftError } from '@peft/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { png, temporaryFolder } from '../../test/files.ts';
import { remarks } from '../index.ts';
import { openDataset } from './index.ts';

/** Opens, and demands a dataset whose labels are classes, or a PeftError of few words, for less than a second and 500 MB. */
async function opens(spec: string, split: string): Promise<void> {
  const [cpu, { rss }] = [process.cpuUsage(), process.memoryUsage()];
  await opened(spec, split);
  const { user, system } = process.cpuUsage(cpu); // of this process alone, in microseconds
  expect(user + system).toBeLessThan(1e6);
  expect(process.memoryUsage().rss - rss).toBeLessThan(5e8);
}

async function opened(spec: string, split: string): Promise<void> {
  try {
    const dataset = await openDataset(spec, split, { minClasses: 1 });
    expect(dataset.labels().every(label => label >= 0 && label < dataset.classes.length)).toBe(true);
    expect(remarks(dataset).every(line => line.length < 5000)).toBe(true);
    await dataset.close?.();
  } catch (error) {
    expect(error).toBeInstanceOf(PeftError);
    expect((error as PeftError).message.length).toBeLessThan(5000);
  }
}

const picture = await png(1);

test('any list and any classes.txt', async () => {
  const root = temporaryFolder({ '1.png': picture, '2.png': picture });
  const word = fc.oneof(
    fc.constantFrom(
      '1.png',
      '2.png',
      '0',
      '1',
      '-1',
      '1e9',
      '99999999999999999999',
      ' ',
      '\t',
      '\r',
      '\0',
      '..',
      '/dev/zero',
      '.',
    ),
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.integer({ min: 0, max: 20_000 }).map(length => ' x'.repeat(length)),
  );
  const line = fc.array(word, { maxLength: 4 }).map(words => words.join(' '));
  const text = fc
    .array(fc.oneof(line, fc.constantFrom('1.png 0', '2.png 1')), { maxLength: 12 })
    .map(lines => lines.join('\n'));
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.option(text),
      fc.constantFrom('train', 'all', 'toString', '__proto__'),
      async (list, classes, split) => {
        writeFileSync(join(root, 'train.txt'), list);
        if (classes === null) rmSync(join(root, 'classes.txt'), { force: true });
        else writeFileSync(join(root, 'classes.txt'), classes);
        await opens(root, split);
      },
    ),
    { numRuns: 200 },
  );
});

test('any header of a safetensors file', async () => {
  const root = temporaryFolder();
  const size = fc.constantFrom<unknown>(0, 1, 2, 3, 4, 2 ** 31, 2 ** 53, 1e300, -1, 0.5, '2', null, []);
  const tensor = fc.record(
    {
      dtype: fc.constantFrom<unknown>('U8', 'F32', 'I64', 'I32', 'F16', 'BOOL', 'C64', 'constructor', null, 3),
      shape: fc.oneof(fc.array(size, { maxLength: 5 }), fc.anything()),
      data_offsets: fc.oneof(fc.tuple(size, size), fc.anything()),
    },
    { requiredKeys: [] },
  );
  const metadata = fc.oneof(fc.record({ classes: fc.oneof(fc.json(), fc.string()) }), fc.anything());
  const header = fc.record({ images: tensor, labels: tensor, __metadata__: metadata }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(header, fc.nat(64), async (fields, length) => {
      const json = Buffer.from(
        JSON.stringify(fields, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
      );
      const begin = Buffer.alloc(8);
      begin.writeBigUInt64LE(BigInt(json.length));
      writeFileSync(join(root, 'x.safetensors'), Buffer.concat([begin, json, Buffer.alloc(length)]));
      await opens(join(root, 'x.safetensors'), 'all');
    }),
    { numRuns: 300 },
  );
});

test('valid safetensors of any labels and shapes', async () => {
  const root = temporaryFolder();
  const label = fc.oneof(fc.bigInt(-3n, 5n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));
  const names = fc.option(fc.array(fc.string(), { maxLength: 6 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(label, { maxLength: 5 }),
      fc.array(fc.nat(3), { maxLength: 3 }),
      names,
      async (labels, shape, classes) => {
        const bytes = labels.length * shape.reduce((a, b) => a * b, 1);
        const json = Buffer.from(
          JSON.stringify({
            labels: { dtype: 'I64', shape: [labels.length], data_offsets: [0, labels.length * 8] },
            images: {
              dtype: 'U8',
              shape: [labels.length, ...shape],
              data_offsets: [labels.length * 8, labels.length * 8 + bytes],
            },
            ...(classes && { __metadata__: { classes: JSON.stringify(classes) } }),
          }),
        );
        const begin = Buffer.alloc(8);
        begin.writeBigUInt64LE(BigInt(json.length));
        const data = Buffer.concat([new Uint8Array(BigInt64Array.from(labels).buffer), Buffer.alloc(bytes)]);
        writeFileSync(join(root, 'x.safetensors'), Buffer.concat([begin, json, data]));
        await opens(join(root, 'x.safetensors'), 'all');
      },
    ),
    { numRuns: 200 },
  );
});

test('any names of folders and files', async () => {
  const name = fc
    .oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
      fc.constantFrom(
        'train',
        'Test',
        'val',
        '__proto__',
        'constructor',
        '\u001b[2J',
        'a\nb',
        '.x',
        '__MACOSX',
        '1.png',
        'é',
      ),
    )
    .filter(text => !/[/\0]/.test(text) && text !== '.' && text !== '..');
  const path = fc.array(name, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(path, { maxLength: 8 }),
      fc.constantFrom('train', 'all', 'test'),
      async (paths, split) => {
        const root = temporaryFolder();
        for (const parts of paths) {
          try {
            mkdirSync(join(root, ...parts.slice(0, -1)), { recursive: true });
            writeFileSync(join(root, ...parts), picture);
          } catch {} // a file of that name stands where a folder should, or the reverse
        }
        await opens(root, split);
      },
    ),
    { numRuns: 150 },
  );
});
