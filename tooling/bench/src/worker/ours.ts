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
  type CompiledStep,
  disposeModule,
  type Engine,
  eagerEngine,
  type HostTensors,
  initialize,
  key,
  type Step,
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
  const backbone = weights
    ? (await openBackbone(work.backbone, { weights, imageSize })).model
    : initialize(createBackbone(definitionOf(work), { imageSize }), key(0));
  const adapted = work.adapter === 'none' ? undefined : adapt(backbone);
  await adapted?.add('default', makeMethod(work, backbone.classifiers), { key: key(0) });
  if (adapted && work.adapter === 'idle') adapted.enabled = false;
  return { backbone, adapted };
}

/** What runs, and with which inputs the t-th time. */
interface Plan {
  step: Step;
  inputs(t: number): HostTensors;
  /** The output of which the first number is reported. */
  output: 'loss' | 'logits';
}

function plan(backbone: Backbone, model: AdaptedModel | undefined, { phase, batch }: Assignment): Plan {
  const [height, width] = backbone.imageSize;
  const images = { data: makePictures(batch * height * width * 3), shape: [batch, height, width, 3] };
  if (phase === 'forward' || !model) {
    return { step: evaluationStep(model ?? backbone), inputs: () => ({ images }), output: 'logits' };
  }
  const labels = { data: makeLabels(batch, backbone.classes), shape: [batch] };
  const parameters = [...model.trainable()].map(([, parameter]) => parameter);
  const optimizer = new AdamW(parameters, { lr: learningRate, weightDecay: 0.01 });
  return {
    step: trainingStep(model, optimizer, {}),
    inputs: t => ({ images, labels, ...optimizer.inputs(t, learningRate) }),
    output: 'loss',
  };
}

/** A compiled step that knows how long its body took when it last ran: for one that is recorded, the recording. */
function compileTimed(engine: Engine, step: Step): CompiledStep & { traceMs: number } {
  const timed = Object.assign(
    engine.compile(inputs => {
      const started = performance.now();
      const outputs = step(inputs);
      timed.traceMs = performance.now() - started;
      return outputs;
    }),
    { traceMs: 0 },
  );
  return timed;
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
  const { step, inputs, output } = plan(backbone, model, assignment);
  const compiled = compileTimed(engine, step);
  let runs = 0;
  return {
    async run() {
      const outputs = await compiled.run(inputs(++runs));
      return outputs[output].data[0];
    },
    async describe(): Promise<Facts> {
      const peak = peakMemory();
      await engine.sync();
      const package_ = assignment.engine === 'onnx' ? 'onnxruntime-node' : '@tensorflow/tfjs-backend-wasm';
      return {
        peakBytes: peak,
        ...(assignment.engine === 'onnx' && { traceMs: compiled.traceMs }),
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
