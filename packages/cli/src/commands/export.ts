import { exportOnnx } from '@peft/compile';
import { type AdaptedModel, type Adapter, check, fold, key, PeftError, type Step } from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { writeAtomic } from '@peft/core/node';
import { checkLogits, evaluationStep } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { type Arguments, required, UsageError } from '../arguments.ts';
import { allowed, largestDifference } from '../difference.ts';
import { openEager } from '../engine.ts';
import { openModel } from '../model.ts';
import type { Output } from '../output/output.ts';
import { bytes as asBytes } from '../output/table.ts';

const namesOf = (adapters: readonly Adapter[]): string[] => adapters.map(({ name }) => name);

/**
 * The share of the largest logit by which the exported model may differ: float32 sums in another order, which with weights in 8 bits
 * also round some inputs to the next number.
 */
const tolerance = 1e-4;
const int8Tolerance = 0.05;

/** The forward pass on pictures `[N, 3, H, W]`, as other runtimes hold them. */
const forward = (model: AdaptedModel): Step<{ images: tf.Tensor }, { logits: tf.Tensor }> => {
  const step = evaluationStep(model);
  return ({ images }) => step({ images: tf.transpose(images, [0, 2, 3, 1]) });
};

/** Runs the exported model on a probe batch in ONNX Runtime. */
async function runExported(model: Uint8Array, images: Float32Array, shape: number[]): Promise<Float32Array> {
  const ort = await import('onnxruntime-node').catch(cause => {
    const why = 'The exported model is checked with onnxruntime-node, which is not installed; install it';
    throw new PeftError('missing', `${why}: npm install onnxruntime-node`, { cause });
  });
  const session = await ort.InferenceSession.create(model);
  const { logits } = await session.run({ images: new ort.Tensor('float32', images, shape) });
  check(logits, 'numerics', () => 'The exported model gives no logits in ONNX Runtime.');
  return logits.data as Float32Array;
}

/** Writes the model as ONNX, with mergeable adapters folded in unless they are to be kept, and compares its logits. */
export async function exportModel(args: Arguments, output: Output): Promise<void> {
  if (args.format !== 'onnx') throw new UsageError(`--format is ${args.format}; only onnx can be written.`);
  const out = required(args, 'out');
  await openEager(args, output);
  const opened = await openModel(args, output);
  const { model, backbone, preprocessing, labels } = opened;
  const folded = model.active.filter(({ mergeable }) => !args.keepAdapters && mergeable === true);
  const kept = model.active.filter(adapter => !folded.includes(adapter));
  if (folded.length > 0) model.merge(namesOf(folded));
  output.note(
    `Adapters folded in: ${namesOf(folded).join(', ') || 'none'}; kept: ${namesOf(kept).join(', ') || 'none'}`,
  );
  const [height, width] = backbone.model.imageSize;
  const exported = await exportOnnx(forward(model), {
    inputs: { images: { shape: [null, 3, height, width] } },
    metadata: {
      backbone: backbone.source,
      preprocessing: JSON.stringify(preprocessing),
      ...(labels && { labels: JSON.stringify(labels) }),
    },
  });
  const shape = [3, 3, height, width];
  const probe = drawNormal(fold(key(args.seed), 'probe'), tf.util.sizeFromShape(shape));
  const theirs = await runExported(exported, probe, shape);
  const ours = tf.tidy(() => forward(model)({ images: tf.tensor(probe, shape) }).logits);
  const expected = Float32Array.from(await ours.data());
  ours.dispose();
  checkLogits(expected, 'the model on a probe batch');
  const maxAbsDiff = largestDifference(expected, theirs);
  const limit = allowed(expected, backbone.frozenDtype ? int8Tolerance : tolerance);
  check(maxAbsDiff <= limit, 'numerics', () => {
    return `The exported model differs from this one: by ${maxAbsDiff} in a logit, with ${limit} allowed; ${out} was not written.`;
  });
  await writeAtomic(out, exported);
  output.answer(
    `${out}: ${asBytes(exported.length)}; in ONNX Runtime the largest logit difference on a probe batch is ${maxAbsDiff.toExponential(2)}`,
    { maxAbsDiff, bytes: exported.length, out },
  );
}
