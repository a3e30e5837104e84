// A contender: this library, through an epoch of training over picture files.
import { check, disposeModule, imagenet } from '@peft/core';
import { peakMemory } from '@peft/core/node';
import { batchSource, type DatasetSource } from '@peft/data';
import { openDataset } from '@peft/data/node';
import sharp from 'sharp';
import type { Assignment } from '../work.ts';
import { type Opened, serve } from './serve.ts';
import { openEngine, openModel, timedStep } from './step.ts';
import { versionOf } from './versions.ts';

/** The first run is one step, which records it; later ones are epochs, and give the mean loss. */
async function open(assignment: Assignment): Promise<Opened> {
  const { folder, batch, engine: kind } = assignment;
  check(folder !== undefined, 'bad-argument', () => 'A contender that reads files needs a folder of them.');
  const [engine, { backbone, adapted: model }] = await Promise.all([openEngine(assignment), openModel(assignment)]);
  const step = timedStep(engine, backbone, model, assignment);
  const dataset = await openDataset(folder, 'all');
  const [height, width] = backbone.imageSize;
  const preprocessing = {
    ...imagenet,
    inputSize: [3, height, width] as const,
    interpolation: 'bicubic' as const,
    cropPct: 0.9,
    cropMode: 'center' as const,
  };
  const makeSource = (): DatasetSource => batchSource(dataset, preprocessing, { batch, dropLast: false });
  // A source holds its pictures once it has given them; one that is new has none.
  const held = makeSource();
  if (kind === 'epoch-memory') for await (const _ of held.batches(0));
  let runs = 0;
  let epochs = 0;
  return {
    async run() {
      const source = kind === 'epoch-memory' ? held : makeSource();
      let [sum, count] = [0, 0];
      for await (const batch of source.batches(epochs)) {
        sum += await step.run(++runs, batch);
        count++;
        if (runs === 1) return sum;
      }
      epochs++;
      return sum / count;
    },
    describe: async () => ({
      peakBytes: peakMemory(),
      traceMs: step.traceMs,
      versions: { 'onnxruntime-node': versionOf('onnxruntime-node'), sharp: sharp.versions.sharp },
    }),
    async close() {
      await engine.dispose();
      model?.dispose();
      disposeModule(backbone);
      await dataset.close?.();
    },
  };
}

await serve(open);
