import { expect, test } from 'vitest';
import { gzippedSize, measured, packageSize } from '../src/measure.mjs';

/**
 * What each package adds to a page: its browser entry, minified and gzipped, without TensorFlow.js and without the other
 * packages here. A rise is committed on purpose.
 */
const ceilings: Record<string, number> = {
  core: 48_600, // weights in 8 bits, and their files 2,600; methods on methods 900; other copies of core 350; files: hashes 500, other libraries' names 1,200; checks of options and files 5,000; Python's regular expressions 4,500
  lora: 6_900, // checked indexed access: 50
  neat: 2_100,
  lily: 4_100,
  heat: 5_800,
  pear: 3_700,
  backbones: 18_900, // files in 8 and 4 bits 400
  data: 13_700, // parts that overlap 250, HEIC told from others 100, colors of clear pixels 380, kernels that resample and normalize 1,900, transforms that run in other threads 250, pools of workers 950
  train: 7_450, // recipes of checkpoints and their checks 900, the best epoch 400
  backends: 22_000,
  compile: 21_200, // weights in 8 bits, recorded, stored and exported 1,500; the builds of onnxruntime-web, lost devices and picking a provider: 1,000
  layers: 1_900,
  vtab: 3_700, // few-shot 500
  report: 1_900,
  sweep: 5_700, // checks of splits and of lengths, order that does not depend on fields: 330; what goes first 250
  run: 12_300, // runs on weights in 8 bits 200, runs that outlive an engine 300, accuracy and insights while training 350, the best epoch 450, runs that pause 400, a seed for splits 250, few shots 150
};

/** What one function costs on its own: bundlers must be able to drop the rest. */
const alone: [string, string, number][] = [
  ['core', 'parseSafetensors', 2_500],
  ['core', 'layerNorm', 1_500],
  ['data', 'resize', 3_100], // its kernels 1,000
  ['train', 'timm0412', 600],
];

test('every package that is measured has a ceiling', () => {
  expect(Object.keys(ceilings).sort()).toEqual([...measured].sort());
});

test.each(Object.entries(ceilings))('@peft/%s stays under %i bytes', async (name, ceiling) => {
  const size = await packageSize(name);
  console.log(`@peft/${name}: ${size} bytes gzipped, ceiling ${ceiling}`);
  expect(size).toBeLessThan(ceiling);
  expect(size).toBeGreaterThan(ceiling / 3);
});

test.each(alone)('@peft/%s: %s alone stays under %i bytes', async (name, part, ceiling) => {
  expect(await gzippedSize(`export { ${part} } from '@peft/${name}';`)).toBeLessThan(ceiling);
});
