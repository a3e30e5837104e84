import { quantizeBackbone } from '@peft/backbones';
import type { AdaptedModel, Engine } from '@peft/core';
import { type Architecture, backbone, type Followed, follow, type PictureSource, tensorOf } from '@peft/testing';
import { Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { methods, pictures, withAdapters } from './models.ts';

/** What a run tells, and the classes that the trained model sees in its pictures, op by op. */
export interface Trained extends Followed {
  classes: number[];
}

/** The losses of one method's steps, perhaps on weights in 8 bits, the stages that it passed, and what came of it. The engine is disposed of. */
export async function train(
  engine: Engine,
  architecture: Architecture,
  name: string,
  { steps, isQuantized = false }: { steps: number; isQuantized?: boolean },
): Promise<Trained> {
  const base = backbone(architecture);
  if (isQuantized) quantizeBackbone(base, 'int8');
  const source = pictures(5);
  const model = await withAdapters(base, { default: methods[name]([...base.classifiers]) });
  const options = { model, engine, source, optimizer: { lr: 2e-3 }, steps, seed: 1 };
  const trainer = new Trainer(options);
  try {
    return { ...(await follow(trainer)), classes: await classesOf(model, source) };
  } finally {
    await trainer.dispose();
    model.dispose();
    await engine.dispose();
  }
}

/** The logits of a batch of other pictures, op by op. */
export async function logits(model: AdaptedModel): Promise<Float32Array> {
  const { images } = pictures().batch(9, 0);
  const y = tf.tidy(() => model.call(tensorOf(images)));
  const values = Float32Array.from(await y.data());
  y.dispose();
  return values;
}

async function classesOf(model: AdaptedModel, source: PictureSource): Promise<number[]> {
  const classes: number[] = [];
  for await (const { images } of source.batches(0)) {
    const found = tf.tidy(() => tf.argMax(model.call(tensorOf(images)), -1));
    classes.push(...(await found.data()));
    found.dispose();
  }
  return classes;
}

/** How often a step was recorded. */
export function countRecordings(engine: Engine): { readonly recordings: number } {
  const counted = { recordings: 0 };
  const compile = engine.compile.bind(engine);
  engine.compile = step =>
    compile(inputs => {
      counted.recordings++;
      return step(inputs);
    });
  return counted;
}

/** float32 sums in another order drift apart as weights move; 1e-3 is what a user would not see. */
export function expectSame(found: Trained, expected: Trained): void {
  expect(found.classes).toEqual(expected.classes);
  expect(found.stages).toEqual(expected.stages);
  expect(found.losses.length).toBe(expected.losses.length);
  for (const [step, loss] of expected.losses.entries()) {
    expect(Math.abs(found.losses[step] - loss), `step ${step}`).toBeLessThan(1e-3 * Math.max(loss, 0.1));
  }
}

/**
 * The same on weights in 8 bits. A number halfway between two of 8 bits is rounded to either after float32 sums in another order: so
 * rarely that the first steps are the same, but from then on runs differ by as much as rounding adds, as do those of TensorFlow.js'
 * own backends.
 */
export function expectSameInEightBits(found: Trained, expected: Trained): void {
  expect(found.losses.length).toBe(expected.losses.length);
  const differences = expected.losses.map((loss, step) => Math.abs(found.losses[step] - loss) / loss);
  expect(Math.max(...differences.slice(0, 3))).toBeLessThan(1e-5);
  expect(Math.max(...differences)).toBeLessThan(3e-2);
}
