import { type CompiledStep, PeftError, readAdapterFolder } from '@peft/core';
import { decodeBlob, evalTransform, type Transform } from '@peft/data';
import { factories, modelWithAdapter, type RunModel } from '@peft/run';
import { evaluationStep } from '@peft/train';
import { openBackbone } from './backbone.ts';
import { openEngine } from './engine.ts';
import type { Predicted, PredictJob, TrainedAdapter } from './protocol.ts';
import { softmax } from './softmax.ts';
import { turn } from './turn.ts';

/** Pictures at a time. The last batch is filled up, so that a step is recorded once. */
const batch = 16;

/** An adapter on its backbone, ready to classify. */
interface Opened {
  readonly model: RunModel;
  readonly step: CompiledStep;
  readonly transform: Transform;
  readonly classes: readonly string[];
}

const opened = new Map<string, Promise<Opened>>();

/** Opens an adapter on a backbone of its own, once. */
function openAdapter(adapter: TrainedAdapter): Promise<Opened> {
  const found = opened.get(adapter.id) ?? open(adapter);
  opened.set(adapter.id, found);
  found.catch(() => opened.delete(adapter.id));
  return found;
}

async function open({ id, backbone, files }: TrainedAdapter): Promise<Opened> {
  const engine = await openEngine();
  const folder = readAdapterFolder(files, id, factories);
  const model = await modelWithAdapter(await openBackbone(backbone), folder);
  const step = engine.compile(evaluationStep(model.model));
  const classes = model.labels ?? Array.from({ length: model.backbone.model.classes }, (_, i) => String(i));
  return { model, step, transform: evalTransform(model.preprocessing), classes };
}

/** The pixels of a picture as the backbone reads them; nothing for a file that is no picture. */
async function pixelsOf(picture: Blob, transform: Transform): Promise<Float32Array | undefined> {
  try {
    return transform.apply(await decodeBlob(picture), 0);
  } catch (error) {
    if (error instanceof PeftError) return undefined;
    throw error;
  }
}

async function classify(adapter: TrainedAdapter, pictures: readonly Blob[]): Promise<Predicted> {
  const { step, transform, classes } = await openAdapter(adapter);
  const { height, width } = transform;
  const probabilities = new Float32Array(pictures.length * classes.length).fill(Number.NaN);
  const size = pictures.length === 1 ? 1 : batch;
  const started = performance.now();
  for (let first = 0; first < pictures.length; first += size) {
    const part = pictures.slice(first, first + size);
    const pixels = await Promise.all(part.map(picture => pixelsOf(picture, transform)));
    const data = new Float32Array(size * height * width * 3);
    for (const [row, values] of pixels.entries()) if (values) data.set(values, row * values.length);
    const { logits } = await step.run({ images: { data, shape: [size, height, width, 3] } });
    for (const [row, values] of pixels.entries()) {
      const scores = logits!.data.subarray(row * classes.length, (row + 1) * classes.length);
      if (values) probabilities.set(softmax(scores), (first + row) * classes.length);
    }
    await turn();
  }
  const ms = (performance.now() - started) / pictures.length;
  return { id: adapter.id, classes, probabilities, ms };
}

/** What each adapter makes of the pictures. */
export async function predict({ adapters, pictures }: PredictJob): Promise<Predicted[]> {
  const all: Predicted[] = [];
  for (const adapter of adapters) all.push(await classify(adapter, pictures));
  return all;
}
