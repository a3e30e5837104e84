// Our model, and a step of it that can be timed.
import { type Backbone, createBackbone } from '@peft/backbones';
import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import {
  type AdaptedModel,
  adapt,
  type Engine,
  eagerEngine,
  initialize,
  key,
  type PictureBatch,
  type Step,
  type Tensors,
} from '@peft/core';
import { AdamW, evaluationStep, trainingStep } from '@peft/train';
import { definitionOf, makeMethod } from '../model.ts';
import type { Assignment } from '../work.ts';
import { makeLabels, makePictures } from './pictures.ts';

const usesOnnx = (engine: Assignment['engine']): boolean => !['wasm', 'stock-wasm'].includes(engine);

const learningRate = 1e-3;

export async function openEngine({ engine, threads }: Assignment): Promise<Engine> {
  return usesOnnx(engine) ? onnxEngine({ threads }) : eagerEngine();
}

interface Model {
  backbone: Backbone;
  adapted: AdaptedModel | undefined;
}

export async function openModel({ engine, weights, imageSize, threads, ...work }: Assignment): Promise<Model> {
  if (usesOnnx(engine)) await startBackend('cpu');
  else await startBackend('wasm', { kernels: engine === 'wasm' ? 'fast' : 'stock', threads });
  const frozenDtype = work.precision === 'int8' ? 'int8' : undefined;
  const backbone = weights
    ? (await openBackbone(work.backbone, { weights, imageSize, frozenDtype })).model
    : initialize(createBackbone(definitionOf(work), { imageSize }), key(0));
  const adapted = work.adapter === 'none' ? undefined : adapt(backbone);
  await adapted?.add('default', makeMethod(work, backbone.classifiers), { key: key(0) });
  if (adapted && work.adapter === 'idle') adapted.enabled = false;
  return { backbone, adapted };
}

/** A step that can be timed. */
interface Timed {
  /** Runs for the t-th time, on the same pictures unless others are given, and gives the first number of the loss or the logits. */
  run(t: number, batch?: PictureBatch): Promise<number>;
  /** The time of the step's body when it last ran: for a recorded step, of the recording. */
  readonly traceMs: number;
}

export function timedStep(
  engine: Engine,
  backbone: Backbone,
  model: AdaptedModel | undefined,
  { phase, batch }: Assignment,
): Timed {
  const [height, width] = backbone.imageSize;
  const images = { data: makePictures(batch * height * width * 3), shape: [batch, height, width, 3] };
  if (phase === 'forward' || !model) {
    const step = compileTimed(engine, evaluationStep(model ?? backbone));
    return Object.assign(step.clock, { run: async () => (await step.run({ images })).logits.data[0] });
  }
  const labels = { data: makeLabels(batch, backbone.classes), shape: [batch] };
  const parameters = [...model.trainable()].map(([, parameter]) => parameter);
  const optimizer = new AdamW(parameters, { lr: learningRate, weightDecay: 0.01 });
  const step = compileTimed(engine, trainingStep(model, optimizer, {}));
  return Object.assign(step.clock, {
    async run(t: number, batch: PictureBatch = { images, labels }) {
      const { images, labels } = batch;
      const { loss } = await step.run({ images, labels, ...optimizer.inputs(t, learningRate) });
      return loss.data[0];
    },
  });
}

/** A compiled step with a clock of its body. */
function compileTimed<In extends Tensors, Out extends Tensors>(engine: Engine, step: Step<In, Out>) {
  const clock = { traceMs: 0 };
  const compiled = engine.compile((inputs: In): Out => {
    const started = performance.now();
    const outputs = step(inputs);
    clock.traceMs = performance.now() - started;
    return outputs;
  });
  return { ...compiled, clock };
}
