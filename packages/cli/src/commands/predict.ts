import { stat } from 'node:fs/promises';
import {
  check,
  dims,
  fromFloat32,
  getModule,
  PeftError,
  parseSafetensors,
  type Step,
  serializeSafetensors,
  toFloat32,
} from '@peft/core';
import { withScope } from '@peft/core/engine';
import { permute } from '@peft/core/method';
import { readRegular, writeAtomic } from '@peft/core/node';
import { evalTransform, leftOutRemark } from '@peft/data';
import { listPictures, readPicture } from '@peft/data/node';
import { openEngine } from '@peft/run/node';
import { checkLogits, evaluationStep, logSumExp } from '@peft/train';
import type * as tf from '@tensorflow/tfjs-core';
import { type Arguments, required, UsageError } from '../arguments.ts';
import { type OpenedModel, openModel } from '../model.ts';
import type { Output } from '../output/output.ts';
import { percent, table } from '../output/table.ts';

/** The classes of a picture, likeliest first. */
interface Prediction {
  path: string;
  classes: { label: number; name: string; probability: number }[];
}

function rank(path: string, logits: Float32Array, labels: readonly string[] | undefined, top: number): Prediction {
  checkLogits(logits, path);
  const total = logSumExp(logits);
  const ranked = [...logits.entries()].sort(([, a], [, b]) => b - a).slice(0, top);
  const classes = ranked.map(([label, logit]) => ({
    label,
    name: labels?.[label] ?? String(label),
    probability: Math.exp(logit - total),
  }));
  return { path, classes };
}

/** The picture at a path, or the pictures of a folder in the order of their names. */
async function expand(path: string, output: Output): Promise<string[]> {
  const isFolder = await stat(path).then(
    found => found.isDirectory(),
    () => false, // reading it says why
  );
  if (!isFolder) return [path];
  const { paths, leftOut } = await listPictures(path);
  if (leftOut.length > 0) output.note(`${path}: ${leftOutRemark(leftOut)}`);
  check(paths.length > 0, 'missing', () => `There is no picture in ${path}.`);
  return paths;
}

/** Predicts the classes of pictures, or the logits of tensors. */
export async function predict(args: Arguments, paths: string[], output: Output): Promise<void> {
  if (args.tensors !== undefined) return predictTensors(args, args.tensors, output);
  if (paths.length === 0) throw new UsageError('Give pictures to predict, folders of them, or --tensors FILE.');
  const { top, maxPixels, skipBroken } = args;
  const pictures = (await Promise.all(paths.map(path => expand(path, output)))).flat();
  const engine = await openEngine(args, text => output.note(text));
  try {
    const { model, preprocessing, labels } = await openModel(args, output);
    const step = engine.compile(evaluationStep(model));
    const transform = evalTransform(preprocessing);
    const { height, width } = transform;
    const predictions: Prediction[] = [];
    for (const [index, path] of pictures.entries()) {
      const picture = await readPicture(path, path, { maxPixels }).catch((error: unknown) => {
        if (!(error instanceof PeftError)) throw error;
        if (!skipBroken && pictures.length > 1) {
          throw new PeftError(error.code, `${error.message} Or leave out what is broken, with --skip-broken.`, {
            cause: error,
          });
        }
        if (!skipBroken) throw error;
        output.note(`Left out: ${error.message}`);
      });
      if (!picture) continue;
      const data = transform.apply(picture, index);
      const { logits } = await step.run({ images: { data, shape: [1, height, width, 3] } });
      predictions.push(rank(path, logits.data as Float32Array, labels, top));
    }
    const rows = predictions.flatMap(({ path, classes }) =>
      classes.map(({ name, probability }, i) => [i === 0 ? path : '', name, percent(probability)]),
    );
    output.answer(table(['picture', 'class', 'probability'], rows), { predictions });
  } finally {
    await engine.dispose();
  }
}

/** Logits and features; in one pass if the model has one head. */
const featureStep =
  ({
    model,
    backbone: { model: vit },
  }: OpenedModel): Step<{ images: tf.Tensor }, { features: tf.Tensor; logits: tf.Tensor }> =>
  ({ images }) =>
    withScope({ training: false }, () => {
      const features = vit.features(images);
      const [head, other] = vit.classifiers;
      return { features, logits: head && !other ? getModule(vit, head).call(features) : model.call(images) };
    });

/** Reads `images`, float32 `[N, 3, H, W]`, and writes `logits` and `features`. */
async function predictTensors(args: Arguments, path: string, output: Output): Promise<void> {
  const out = required(args, 'out');
  const { tensors } = parseSafetensors(await readRegular(path), path);
  const images = tensors.get('images');
  check(images && images.dtype === 'F32' && images.shape.length === 4 && images.shape[1] === 3, 'bad-file', () => {
    const found = images ? `${images.dtype} [${images.shape}]` : `only ${[...tensors.keys()].join(', ')}`;
    return `${path} must have "images", float32 [N, 3, H, W]; it has ${found}.`;
  });
  const [n, , height, width] = dims(images, 4);
  const engine = await openEngine(args, text => output.note(text));
  try {
    const opened = await openModel(args, output);
    const step = engine.compile(featureStep(opened));
    const values = permute(toFloat32(images), images.shape, [0, 2, 3, 1]);
    const size = height * width * 3;
    const { classes, featureCount } = opened.backbone.model;
    const [logits, features] = [new Float32Array(n * classes), new Float32Array(n * featureCount)];
    const batch = args.batch ?? 32;
    for (let start = 0; start < n; start += batch) {
      const end = Math.min(n, start + batch);
      const data = values.subarray(start * size, end * size);
      const outputs = await step.run({ images: { data, shape: [end - start, height, width, 3] } });
      checkLogits(outputs.logits.data as Float32Array, `pictures ${start} to ${end - 1} of ${path}`);
      logits.set(outputs.logits.data as Float32Array, start * classes);
      features.set(outputs.features.data as Float32Array, start * featureCount);
    }
    const written = serializeSafetensors([
      ['logits', fromFloat32(logits, [n, classes])],
      ['features', fromFloat32(features, [n, featureCount])],
    ]);
    await writeAtomic(out, written);
    output.answer(`Logits and features of ${n} pictures written to ${out}`, {
      predictions: n,
      out,
      engine: engine.name,
    });
  } finally {
    await engine.dispose();
  }
}
