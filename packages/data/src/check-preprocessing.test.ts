import { PeftError, type Preprocessing } from '@peft/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkPreprocessing, evalTransform, flipCropTransform } from './index.ts';

const good: Preprocessing = {
  inputSize: [3, 224, 224],
  interpolation: 'bicubic',
  cropPct: 0.9,
  cropMode: 'center',
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

test('what backbones use is accepted', () => {
  for (const change of [
    {},
    { cropPct: 224 / 256 },
    { std: [1 / 255, 1, 1] },
    { inputSize: [3, 4096, 8] },
    { cropMode: 'border' },
  ]) {
    expect(checkPreprocessing({ ...good, ...change })).toMatchObject(change);
  }
});

test.each<[Record<string, unknown>, RegExp]>([
  [{ interpolation: 'bicubik' }, /interpolation is "bicubik"; allowed are .*; closest: bicubic/],
  [{ interpolation: 'Bilinear' }, /closest: bilinear/],
  [{ interpolation: 'toString' }, /interpolation is "toString"/],
  [{ cropMode: 'centre' }, /cropMode is "centre"; .*closest: center/],
  [{ cropMode: undefined }, /cropMode is undefined/],
  [{ mean: [123.675, 116.28, 103.53] }, /mean is \[123.675, 116.28, 103.53\]; .*divide by 255/],
  [{ mean: [Number.NaN, 0, 0] }, /mean is \[NaN, 0, 0\]/],
  [{ mean: [0.5] }, /mean is \[0.5\]; needed are three numbers/],
  [{ std: [0.5, 0, 0.5] }, /std is \[0.5, 0, 0.5\]/],
  [{ std: [0.5, Number.POSITIVE_INFINITY, 0.5] }, /std is \[0.5, Infinity, 0.5\]/],
  [{ std: '0.5' }, /std is "0.5"/],
  [{ inputSize: [3, 100_000, 100_000] }, /inputSize is \[3, 100000, 100000\]; .* up to 4096/],
  [{ inputSize: [3, 0, 8] }, /inputSize is \[3, 0, 8\]/],
  [{ inputSize: [3, 8.5, 8] }, /inputSize is \[3, 8.5, 8\]/],
  [{ inputSize: [1, 8, 8] }, /inputSize is \[1, 8, 8\]/],
  [{ cropPct: 1e-9 }, /cropPct is 1e-9; allowed is 0.1 to 4; closest: 0.1/],
  [{ cropPct: 90 }, /closest: 4/],
  [{ cropPct: '0.9' }, /cropPct is "0.9"/],
  [{ cropPct: 0.2, inputSize: [3, 4096, 4096] }, /cropPct is 0.2; allowed is 0.5 to 4/],
])('%j is refused', (change, message) => {
  const wrong = { ...good, ...change } as Preprocessing;
  expect(() => checkPreprocessing(wrong, 'config.json')).toThrow(
    expect.objectContaining({ code: 'bad-config', message: expect.stringMatching(message) }),
  );
  expect(() => checkPreprocessing(wrong, 'config.json')).toThrow(/^config\.json: /);
  for (const make of [evalTransform, (p: Preprocessing) => flipCropTransform(p, [0, 0] as never)]) {
    expect(() => make(wrong)).toThrow(PeftError);
  }
});

test('all fields that are wrong are told at once', () => {
  expect(() => checkPreprocessing({})).toThrow(/inputSize.*interpolation.*cropPct.*cropMode.*mean.*std/);
  for (const value of [null, undefined, 3, 'x', []]) expect(() => checkPreprocessing(value)).toThrow(PeftError);
});

test('whatever the fields hold, it is a preprocessing or a PeftError', () => {
  const field = fc.oneof(fc.anything(), fc.double(), fc.array(fc.double(), { maxLength: 4 }), fc.string());
  const record = fc.record(
    { inputSize: field, interpolation: field, cropPct: field, cropMode: field, mean: field, std: field },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(record, fc.anything()), value => {
      for (const candidate of [value, { ...good, ...Object(value) }]) {
        try {
          checkPreprocessing(candidate);
        } catch (error) {
          expect(error).toBeInstanceOf(PeftError);
          expect((error as PeftError).message.length).toBeLessThan(3000);
        }
      }
    }),
    { numRuns: 500 },
  );
});
