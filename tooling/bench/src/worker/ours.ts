// A contender: this library, with a step compiled for ONNX Runtime or run eagerly on wasm.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backbone, createBackbone } from '@peft/backbones';
import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import {
  type AdaptedModel,
  adapt,
  disposeModule,
  type Engine,
  eagerEngine,
  initialize,
  key,
  type Step,
  type Tensors,
} from '@peft/core';
import { peakMemory, saveAdapters } from '@peft/core/node';
import { AdamW, evaluationStep, trainingStep } from '@peft/train';
import { definitionOf, makeMethod } from '../model.ts';
import type { Assignment, Facts } from '../work.ts';
import { makeLabels, makePictures } from './pictures.ts';
import { type Opened, serve } from './serve.ts';
import { versionOf } from './versions.ts';

const learningRate = 1e-3;

async function openEngine({ engine, threads }: Assignment): Promise<Engine> {
  return engine === 'onnx' ? onnxEngine({ threads }) : eagerEngine();
}

interface Model {
  backbone: Backbone;
  adapted: AdaptedModel | undefined;
}

async function openModel({ engine, weights, imageSize, threads, ...work }: Assignment): Promise<Model> {
  if (engine === 'onnx') await startBackend('cpu');
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
  /** Runs for the t-th time, and gives the first number of the loss or the logits. */
  run(t: number): Promise<number>;
  /** The time of the step's body when it last ran: for a recorded step, of the recording. */
  readonly traceMs: number;
}

function timedStep(
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
    async run(t: number) {
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

/** The size of the adapter's tensors as a file. */
async function savedBytes(model: AdaptedModel): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'peft-bench-'));
  try {
    await saveAdapters(model, folder);
    return (await stat(join(folder, 'adapter_model.safetensors'))).size;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function open(assignment: Assignment): Promise<Opened> {
  // The engine starts while the model is being opened.
  const [engine, { backbone, adapted: model }] = await Promise.all([openEngine(assignment), openModel(assignment)]);
  const step = timedStep(engine, backbone, model, assignment);
  let runs = 0;
  return {
    run: () => step.run(++runs),
    async describe(): Promise<Facts> {
      const peak = peakMemory();
      await engine.sync();
      const package_ = assignment.engine === 'onnx' ? 'onnxruntime-node' : '@tensorflow/tfjs-backend-wasm';
      return {
        peakBytes: peak,
        ...(assignment.engine === 'onnx' && { traceMs: step.traceMs }),
        versions: { [package_]: versionOf(package_) },
        ...(model && {
          trainable: [...model.trainable()].reduce((sum, [, { size }]) => sum + size, 0),
          adapterBytes: await savedBytes(model),
        }),
      };
    },
    async close() {
      await engine.dispose();
      model?.dispose();
      disposeModule(backbone);
    },
  };
}

await serve(open);
