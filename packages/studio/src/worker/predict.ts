import {
  type AdaptedModel,
  type AdapterFolder,
  attachAdapterFolder,
  type CompiledStep,
  PeftError,
  readAdapterFolder,
} from '@peft/core';
import { decodeBlob, evalTransform, type Transform } from '@peft/data';
import { factories, headClasses, modelWithAdapter, type RunModel } from '@peft/run';
import { evaluationStep } from '@peft/train';
import { openBackbone } from './backbone.ts';
import { sharedEngine } from './engine.ts';
import type { Predicted, PredictJob, TrainedAdapter } from './protocol.ts';
import { softmax } from './softmax.ts';
import { turn } from './turn.ts';

/** Pictures at a time. The last batch is filled up, so that a step is recorded once. */
const batch = 16;

/** An adapter on its base, ready to classify. */
interface Opened {
  readonly model: AdaptedModel;
  /** The names of its parts on the base, which others share. */
  readonly names: readonly string[];
  readonly step: CompiledStep;
  readonly transform: Transform;
  readonly classes: readonly string[];
}

const opened = new Map<string, Opened>();
/** One model for all adapters of a backbone with as many classes. */
const bases = new Map<string, RunModel>();

/** The folder under names that no other adapter has. */
function folderOf({ id, files }: TrainedAdapter): AdapterFolder {
  const folder = readAdapterFolder(files, id, factories);
  return { ...folder, adapters: folder.adapters.map(adapter => ({ ...adapter, name: `${id}-${adapter.name}` })) };
}

/** The base with the adapter on it. */
async function attached({ backbone }: TrainedAdapter, folder: AdapterFolder): Promise<RunModel> {
  const { name, file } = backbone;
  const key = JSON.stringify([name, file?.name, file?.size, headClasses(folder)]);
  const base = bases.get(key);
  if (!base) {
    const made = await modelWithAdapter(await openBackbone(backbone), folder);
    bases.set(key, made);
    return made;
  }
  await attachAdapterFolder(base.model, folder, await base.backbone.weightsHash());
  return { ...base, labels: folder.card.labels ?? base.labels };
}

/** Opens an adapter, once. */
async function open(adapter: TrainedAdapter): Promise<Opened> {
  const found = opened.get(adapter.id);
  if (found) return found;
  const engine = await sharedEngine();
  const folder = folderOf(adapter);
  const { model, preprocessing, labels, backbone } = await attached(adapter, folder);
  const made: Opened = {
    model,
    names: model.active.map(({ name }) => name),
    step: engine.compile(evaluationStep(model)),
    transform: evalTransform(preprocessing),
    classes: labels ?? Array.from({ length: backbone.model.classes }, (_, i) => String(i)),
  };
  opened.set(adapter.id, made);
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
  const { model, names, step, transform, classes } = await open(adapter);
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

let last: Promise<unknown> = Promise.resolve();

/** What each adapter makes of the pictures. Calls wait for each other, as adapters share a base. */
export function predict({ adapters, pictures }: PredictJob): Promise<Predicted[]> {
  const result = last.then(async () => {
    const all: Predicted[] = [];
    for (const adapter of adapters) all.push(await classify(adapter, pictures));
    return all;
  });
  last = result.catch(() => {});
  return result;
}
