import {
  check,
  dims,
  getModule,
  type Module,
  parameters,
  parseSafetensors,
  patch,
  type StoredTensor,
  softmaxCrossEntropy,
  toFloat32,
  toInt32,
} from '@peft/core';
import { valueAndGrads } from '@peft/core/engine';
import { permute, toFileOrder } from '@peft/core/method';
import { readRegular } from '@peft/core/node';
import { evalTransform } from '@peft/data';
import * as tf from '@tensorflow/tfjs-core';
import type { Arguments } from '../arguments.ts';
import { openEager } from '../engine.ts';
import { type OpenedModel, openBase } from '../model.ts';
import type { Output } from '../output/output.ts';
import { table } from '../output/table.ts';

interface Row {
  tensor: string;
  maxAbs: number;
  /** Largest error relative to the largest value. */
  relative: number;
}

/** Largest absolute difference, and the same relative to the largest reference value. */
function compare(tensor: string, found: Float32Array, reference: Float32Array): Row {
  check(
    found.length >= reference.length,
    'bad-shape',
    () => `${tensor}: ${found.length} values, the reference has ${reference.length}.`,
  );
  let maxAbs = 0;
  let scale = 0;
  for (const [i, value] of reference.entries()) {
    maxAbs = Math.max(maxAbs, Math.abs(found[i]! - value));
    scale = Math.max(scale, Math.abs(value));
  }
  return { tensor, maxAbs, relative: maxAbs / (scale || 1) };
}

/** The module that makes a reference's activations, and whether they are its input or its output. */
function place(name: string, model: Module): { module: Module; side: 'input' | 'output' } | undefined {
  const block = name.match(/^block_(\d+)$/)?.[1];
  if (block !== undefined) return { module: getModule(model, `blocks.${block}`), side: 'output' };
  const stage = name.match(/^layer_(\d+)$/)?.[1];
  if (stage !== undefined) {
    // With patch merging, which in timm starts the next stage.
    const next = [...parameters(model)].some(([path]) => path.startsWith(`layers.${Number(stage) + 1}.`));
    return next
      ? { module: getModule(model, `layers.${Number(stage) + 1}.downsample`), side: 'output' }
      : { module: getModule(model, `layers.${stage}`), side: 'output' };
  }
  if (name === 'embeddings') {
    const vit = [...parameters(model)].some(([path]) => path.startsWith('blocks.'));
    return vit
      ? { module: getModule(model, 'blocks.0'), side: 'input' }
      : { module: getModule(model, 'patch_embed'), side: 'output' };
  }
  if (name === 'cls_feature') return { module: getModule(model, 'head'), side: 'input' };
  if (name === 'norm') return { module: getModule(model, 'norm'), side: 'output' };
  return undefined;
}

/** Runs the model on `images` and collects what the reference has: activations, logits, loss and gradients. */
async function run(
  model: Module,
  images: tf.Tensor,
  labels: Int32Array | undefined,
  names: string[],
): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  const kept = new Map<string, tf.Tensor>();
  const keep = (name: string, tensor: tf.Tensor): tf.Tensor => {
    kept.get(name)?.dispose();
    kept.set(name, tf.keep(tf.clone(tensor)));
    return tensor;
  };
  const undo = names.flatMap(name => {
    const at = place(name, model);
    if (!at) return [];
    return [patch(at.module, at.side === 'input' ? { input: x => keep(name, x) } : { output: y => keep(name, y) })];
  });
  const wanted = new Map([...parameters(model)].filter(([path]) => names.includes(`grad.${path}`)));
  try {
    const logits = (): tf.Tensor => keep('logits', model.call(images));
    if (labels) {
      const truth = tf.tensor1d(labels, 'int32');
      const loss = (): tf.Scalar => tf.mean(softmaxCrossEntropy(logits(), truth)) as tf.Scalar;
      const list = [...wanted];
      const { value, grads } = valueAndGrads(
        loss,
        list.map(([, parameter]) => parameter.value),
      );
      kept.set('loss', value);
      for (const [i, [path, { layout }]] of list.entries()) {
        const grad = grads[i];
        if (grad) found.set(`grad.${path}`, toFileOrder(Float32Array.from(await grad.data()), layout));
        grad?.dispose();
      }
      truth.dispose();
    } else tf.dispose(logits());
    for (const [name, tensor] of kept) found.set(name, Float32Array.from(await tensor.data()));
  } finally {
    for (const restore of undo) restore();
    tf.dispose([...kept.values()]);
  }
  return found;
}

/** Transposes NCHW to NHWC. */
function nhwc({ shape, ...tensor }: StoredTensor): tf.Tensor {
  const [n, c, h, w] = dims({ shape }, 4);
  return tf.tensor(permute(toFloat32({ shape, ...tensor }), shape, [0, 2, 3, 1]), [n, h, w, c]);
}

/** Preprocesses raw crops as the backbone does. */
function preprocessed({ shape, bytes }: StoredTensor, { preprocessing }: OpenedModel): tf.Tensor {
  const [n, height, width] = dims({ shape }, 4);
  const size = height * width * 3;
  const transform = evalTransform({ ...preprocessing, inputSize: [3, height, width], cropPct: 1 });
  const values = new Float32Array(n * size);
  for (let i = 0; i < n; i++) {
    values.set(transform.apply({ data: bytes.slice(i * size, (i + 1) * size), width, height }, i), i * size);
  }
  return tf.tensor(values, [n, height, width, 3]);
}

/**
 * Compares the model with stored activations of another implementation: a safetensors file with `input` (float32 NCHW) or
 * `images_u8_nhwc`, and any of `embeddings`, `block_N`, `layer_N`, `norm`, `cls_feature`, `logits`, `labels`, `loss`, `grad.PARAMETER`.
 */
export async function compareWithReference(args: Arguments, path: string, output: Output): Promise<void> {
  const { tensors } = parseSafetensors(await readRegular(path), path);
  await openEager(args, output);
  const opened = await openBase(args, output);
  const labels = tensors.get('labels');
  const rows: Row[] = [];
  const { model } = opened.backbone;
  const passes: [string, tf.Tensor][] = [];
  const [input, crops] = [tensors.get('input'), tensors.get('images_u8_nhwc')];
  if (input) passes.push(['', nhwc(input)]);
  if (crops) passes.push(['from uint8: ', preprocessed(crops, opened)]);
  check(passes.length > 0, 'bad-file', () => `${path} has neither "input" nor "images_u8_nhwc".`);
  for (const [prefix, images] of passes) {
    const found = await run(model, images, labels && toInt32(labels), [...tensors.keys()]);
    for (const [name, reference] of tensors) {
      const values = found.get(name);
      if (values && reference.dtype === 'F32') rows.push(compare(prefix + name, values, toFloat32(reference)));
    }
    images.dispose();
  }
  const text = table(
    ['tensor', 'max abs error', 'relative error'],
    rows.map(({ tensor, maxAbs, relative }) => [tensor, maxAbs.toExponential(2), relative.toExponential(2)]),
  );
  output.answer(text, { rows });
}
