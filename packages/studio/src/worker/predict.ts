import { type CompiledStep, PeftError } from '@peft/core';
import { decodeBlob, evalTransform, type Transform } from '@peft/data';
import { evaluationStep } from '@peft/train';
import { sharedEngine } from './engine.ts';
import { inTurn, type Opened, openAdapter } from './opened.ts';
import type { Predicted, PredictJob, TrainedAdapter } from './protocol.ts';
import { softmax } from './softmax.ts';
import { turn } from './turn.ts';

/** Pictures at a time. The last batch is filled up, so that a step is recorded once. */
const batch = 16;

/** An adapter that is ready to classify. */
interface Ready extends Opened {
  readonly step: CompiledStep;
  readonly transform: Transform;
  readonly classes: readonly string[];
}

const ready = new Map<string, Ready>();

/** Prepares an adapter, once. */
async function prepare(adapter: TrainedAdapter): Promise<Ready> {
  const found = ready.get(adapter.id);
  if (found) return found;
  const engine = await sharedEngine();
  const opened = await openAdapter(adapter);
  const { model, preprocessing, labels, backbone } = opened.run;
  const made: Ready = {
    ...opened,
    step: engine.compile(evaluationStep(model)),
    transform: evalTransform(preprocessing),
    classes: labels ?? Array.from({ length: backbone.model.classes }, (_, i) => String(i)),
  };
  ready.set(adapter.id, made);
  return made;
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
  const { model, names, step, transform, classes } = await prepare(adapter);
  model.use(names); // a step is recorded when it first runs
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
export const predict = ({ adapters, pictures }: PredictJob): Promise<Predicted[]> =>
  inTurn(async () => {
    const all: Predicted[] = [];
    for (const adapter of adapters) all.push(await classify(adapter, pictures));
    return all;
  });
