import { basename, join } from 'node:path';
import { peakMemory } from '@peft/core/node';
import type { RunResult } from '@peft/run';
import { type Arguments, required } from '../arguments.ts';
import { withData } from '../data.ts';
import { interruptible } from '../interrupt.ts';
import type { Output } from '../output/output.ts';
import { sparkline } from '../output/sparkline.ts';
import { bytes, count, ms, percent, table } from '../output/table.ts';
import { runTraining } from '../training.ts';

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
}: RunResult): string =>
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
          ms(stepMs),
        ],
      ],
    ),
    `loss ${sparkline(losses)} ${losses.at(-1)?.toFixed(3) ?? ''}`,
    `saved to ${adapter}`,
  ].join('\n');

/** Trains, saves an adapter folder, and evaluates it. */
export async function train(args: Arguments, output: Output): Promise<void> {
  if (args.initAdapter === undefined) required(args, 'backbone');
  const folder = args.out ?? join('adapters', folderName(args));
  const replaces = args.resume !== false || args.overwrite;
  const { result } = await withData(args, output, data =>
    interruptible(output, signal => runTraining(args, data, { folder, signal, replaces }, output)),
  );
  const { metrics, ...rest } = result;
  output.answer(summary(result), { ...rest, accuracy: metrics.accuracy, peakBytes: peakMemory() });
}

/** The default folder, `deit_tiny_patch16_224-lora`; a safe name whatever the backbone is called. */
function folderName({ backbone, initAdapter, method = 'lora' }: Arguments): string {
  const start = basename(backbone ?? initAdapter ?? '').replace(/[^\w.-]+/g, '_');
  return `${start}-${initAdapter === undefined ? method : 'continued'}`;
}
