import { createBackbone, quantizeBackbone, setDropPath } from '@peft/backbones';
import { adapt, type CompiledStep, type Engine, initialize, isQuantizedDtype, key } from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { peakMemory } from '@peft/core/node';
import { makeMethod, median } from '@peft/run';
import { openEngine } from '@peft/run/node';
import { AdamW, evaluationStep, trainingStep } from '@peft/train';
import { type Arguments, required } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { bytes, table } from '../output/table.ts';

interface Row {
  engine: string;
  phase: 'train' | 'forward';
  medianMs: number;
  minMs: number;
  /** From the call to the end of the first run: recording and starting a session, or compiling shaders. */
  startMs: number;
  peakBytes: number;
}

async function measure(
  step: CompiledStep,
  inputs: Parameters<CompiledStep['run']>[0],
  runs: number,
): Promise<Pick<Row, 'medianMs' | 'minMs' | 'startMs'>> {
  const time = async (): Promise<number> => {
    const started = performance.now();
    await step.run(inputs, 1);
    return performance.now() - started;
  };
  const startMs = await time();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push(await time());
  return { medianMs: median(times), minMs: Math.min(...times), startMs };
}

/** One training step and one forward pass on random pictures at the backbone's size, with random weights. */
export async function bench(args: Arguments, output: Output): Promise<void> {
  const { batch = 8, runs = 5, method: name = 'lora' } = args;
  const engine: Engine = await openEngine(args, text => output.note(text));
  const backbone = initialize(createBackbone(required(args, 'backbone')), key(args.seed));
  setDropPath(backbone, args.dropPath ?? 0);
  const { frozenDtype = 'f32' } = args;
  if (isQuantizedDtype(frozenDtype)) quantizeBackbone(backbone, frozenDtype);
  const model = adapt(backbone);
  await model.add('default', makeMethod({ ...args, method: name }, [...backbone.classifiers]), {
    key: key(args.seed),
  });
  const optimizer = new AdamW(
    [...model.trainable()].map(([, parameter]) => parameter),
    { lr: 1e-3 },
  );
  const [height, width] = backbone.imageSize;
  const images = { data: drawNormal(key(args.seed), batch * height * width * 3), shape: [batch, height, width, 3] };
  const labels = { data: Int32Array.from({ length: batch }, (_, i) => i % backbone.classes), shape: [batch] };
  try {
    // The smaller one first, since the peak of memory is that of the process.
    const phases: [Row['phase'], CompiledStep, Parameters<CompiledStep['run']>[0]][] = [
      ['forward', engine.compile(evaluationStep(model)), { images }],
      ['train', engine.compile(trainingStep(model, optimizer, {})), { images, labels, ...optimizer.inputs(1, 1e-3) }],
    ];
    const rows: Row[] = [];
    for (const [phase, step, inputs] of phases) {
      rows.push({ engine: engine.name, phase, ...(await measure(step, inputs, runs)), peakBytes: peakMemory() });
    }
    const text = table(
      ['engine', 'phase', 'median ms', 'min ms', 'first ms', 'peak memory'],
      rows.map(row => [
        row.engine,
        row.phase,
        row.medianMs.toFixed(1),
        row.minMs.toFixed(1),
        row.startMs.toFixed(0),
        bytes(row.peakBytes),
      ]),
    );
    output.answer(text, { rows, batch, method: name });
  } finally {
    await engine.dispose();
  }
}
