import { openDataset } from '@peft/data/node';
import { type Arguments, required } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { count, percent, table } from '../output/table.ts';
import { openEngine } from '../world/engine.ts';
import { measure } from '../world/fit.ts';
import { checkClasses, openBase, openWithAdapter } from '../world/model.ts';
import { compareWithReference } from './reference.ts';

/** Accuracy of an adapter, or of a bare backbone, on a split. */
export async function evaluate(args: Arguments, output: Output): Promise<void> {
  if (args.reference !== undefined) return compareWithReference(args, args.reference, output);
  const { adapter, seed } = args;
  const dataset = await openDataset(required(args, 'data'), args.split ?? 'test', { seed });
  const engine = await openEngine(args, output);
  const opened = adapter
    ? await openWithAdapter(args, adapter, dataset, output)
    : await openBase(args, { dataset }, output);
  checkClasses(opened, dataset);
  const started = performance.now();
  try {
    const metrics = await measure(opened, opened.preprocessing, dataset, engine, args.batch ?? 32, output);
    const { accuracy, meanPerClass, confusion, n, loss } = metrics;
    const seconds = (performance.now() - started) / 1000;
    const text = table(
      ['pictures', 'accuracy', 'mean/class', 'loss', 'seconds'],
      [[count(n), percent(accuracy), percent(meanPerClass), loss.toFixed(4), seconds.toFixed(1)]],
    );
    output.answer(text, { accuracy, meanPerClass, confusion, n, loss, seconds, engine: engine.name });
  } finally {
    await engine.dispose();
    await dataset.close?.();
  }
}
