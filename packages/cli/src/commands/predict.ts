import { readFile } from 'node:fs/promises';
import {
  check,
  fromFloat32,
  getModule,
  parseSafetensors,
  permute,
  type Step,
  serializeSafetensors,
  toFloat32,
  withScope,
} from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import { evalTransform } from '@peft/data';
import { readPicture } from '@peft/data/node';
import { evaluationStep, logSumExp } from '@peft/train';
import { type Arguments, required, UsageError } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { percent, table } from '../output/table.ts';
import { openEngine } from '../world/engine.ts';
import { type OpenedModel, openBase, openWithAdapter } from '../world/model.ts';

const open = (args: Arguments, output: Output): Promise<OpenedModel> =>
  args.adapter && !args.bare ? openWithAdapter(args, args.adapter, undefined, output) : openBase(args, {}, output);

/** Labels for pictures, or logits for tensors. */
export async function predict(args: Arguments, pictures: string[], output: Output): Promise<void> {
  if (args.tensors !== undefined) return predictTensors(args, args.tensors, output);
  if (pictures.length === 0) throw new UsageError('Give pictures to predict, or --tensors FILE.');
  const engine = await openEngine(args, output);
  const opened = await open(args, output);
  const step = engine.compile(evaluationStep(opened.model));
  const transform = evalTransform(opened.preprocessing);
  const { height, width } = transform;
  try {
    const predictions = [];
    for (const [index, path] of pictures.entries()) {
      const data = transform.apply(await readPicture(path), index);
      const { logits } = await step.run({ images: { data, shape: [1, height, width, 3] } });
      const scores = logits.data as Float32Array;
      const total = logSumExp(scores);
      const ranked = [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, args.top);
      predictions.push({
        path,
        classes: ranked.map(label => ({
          label,
          name: opened.labels?.[label] ?? String(label),
          probability: Math.exp(scores[label] - total),
        })),
      });
    }
    const rows = predictions.flatMap(({ path, classes }) =>
      classes.map(({ name, probability }, i) => [i === 0 ? path : '', name, percent(probability)]),
    );
    output.answer(table(['picture', 'class', 'probability'], rows), { predictions });
  } finally {
    await engine.dispose();
  }
}

/** Logits and what the head sees, in one pass where there is one head. */
const featureStep =
  ({ model, backbone: { model: vit } }: OpenedModel): Step =>
  ({ images }) =>
    withScope({ training: false }, () => {
      const features = vit.features(images);
      const [head, other] = vit.classifiers;
      return { features, logits: head && !other ? getModule(vit, head).call(features) : model.call(images) };
    });

/** `images` float32 NCHW in, `logits` and `features` out. */
async function predictTensors(args: Arguments, path: string, output: Output): Promise<void> {
  const out = required(args, 'out');
  const { tensors } = parseSafetensors(await readFile(path), path);
  const images = tensors.get('images');
  check(images && images.dtype === 'F32' && images.shape.length === 4 && images.shape[1] === 3, 'bad-file', () => {
    const found = images ? `${images.dtype} [${images.shape}]` : `only ${[...tensors.keys()].join(', ')}`;
    return `${path} must have "images", float32 [N, 3, H, W]; it has ${found}.`;
  });
  const [n, , height, width] = images.shape;
  const engine = await openEngine(args, output);
  try {
    const opened = await open(args, output);
    const step = engine.compile(featureStep(opened));
    const values = permute(toFloat32(images), images.shape, [0, 2, 3, 1]);
    const size = height * width * 3;
    const { classes, featureCount } = opened.backbone.model;
    const [logits, features] = [classes, featureCount].map(length => new Float32Array(n * length));
    const batch = args.batch ?? 32;
    for (let start = 0; start < n; start += batch) {
      const end = Math.min(n, start + batch);
      const data = values.subarray(start * size, end * size);
      const outputs = await step.run({ images: { data, shape: [end - start, height, width, 3] } });
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
