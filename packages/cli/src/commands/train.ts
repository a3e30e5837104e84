import { join } from 'node:path';
import { peakMemory } from '@peft/core/node';
import { openDataset } from '@peft/data/node';
import { type Arguments, required } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { sparkline } from '../output/sparkline.ts';
import { bytes, count, percent, table } from '../output/table.ts';
import { openEngine } from '../world/engine.ts';
import { type FitResult, fit } from '../world/fit.ts';
import { interruptible } from '../world/interrupt.ts';
import { openBase } from '../world/model.ts';

const summary = ({
  method,
  trainable,
  total,
  losses,
  metrics,
  seconds,
  stepMs,
  adapter,
  bytes: size,
}: FitResult): string =>
  [
    table(
      ['method', 'accuracy', 'mean/class', 'trainable', 'of', 'adapter', 'seconds', 'ms/step'],
      [
        [
          method,
          percent(metrics.accuracy),
          percent(metrics.meanPerClass),
          count(trainable),
          count(total),
          bytes(size),
          seconds.toFixed(1),
          stepMs.toFixed(0),
        ],
      ],
    ),
    `loss ${sparkline(losses)} ${losses.at(-1)?.toFixed(3) ?? ''}`,
    `saved to ${adapter}`,
  ].join('\n');

/** Trains, evaluates, saves an adapter folder. */
export async function train(args: Arguments, output: Output): Promise<void> {
  const { seed } = args;
  const method = args.method ?? 'lora';
  const data = required(args, 'data');
  required(args, 'backbone');
  const trainData = await openDataset(data, args.split ?? 'train', { seed });
  const testData = await openDataset(data, args.evalSplit ?? 'test', { seed });
  const engine = await openEngine(args, output);
  const opened = await openBase(args, { classes: trainData.classes.length, dataset: trainData }, output);
  const folder = args.out ?? join('adapters', `${opened.backbone.name}-${method}`);
  try {
    const result = await interruptible(output, signal =>
      fit({ ...args, method }, opened, { train: trainData, test: testData }, engine, folder, output, signal),
    );
    const { metrics, ...rest } = result;
    output.answer(summary(result), {
      ...rest,
      accuracy: metrics.accuracy,
      engine: engine.name,
      peakBytes: peakMemory(),
    });
  } finally {
    await engine.dispose();
    await Promise.all([trainData.close?.(), testData.close?.()]);
  }
}
