// A contender: this library, with a step compiled for ONNX Runtime or run eagerly on wasm.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AdaptedModel, disposeModule } from '@peft/core';
import { peakMemory, saveAdapters } from '@peft/core/node';
import type { Assignment, Facts } from '../work.ts';
import { type Opened, serve } from './serve.ts';
import { openEngine, openModel, timedStep } from './step.ts';
import { versionOf } from './versions.ts';

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
