import type { RunResult } from '@peft/run';
import { sparkline } from './sparkline.ts';
import { bytes, count, ms, percent, table } from './table.ts';

/** What came of a run, for a person. */
export const runSummary = ({
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
