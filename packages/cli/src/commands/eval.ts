import type { Arguments } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { count, percent, table } from '../output/table.ts';
import { matchClasses } from '../world/classes.ts';
import { openData } from '../world/data.ts';
import { openEngine } from '../world/engine.ts';
import { measure } from '../world/measure.ts';
import { openModel } from '../world/model.ts';
import { compareWithReference } from './reference.ts';

/** Accuracy of an adapter, or of a bare backbone, on a split. */
export async function evaluate(args: Arguments, output: Output): Promise<void> {
  if (args.reference !== undefined) return compareWithReference(args, args.reference, output);
  const dataset = await openData(args, args.split ?? 'test', output, 1);
  const engine = await openEngine(args, output);
  try {
    const opened = await openModel(args, output, dataset);
    const { labels, backbone } = opened;
    const labeled = matchClasses(dataset, { labels, classes: backbone.model.classes }, output);
    const started = performance.now();
    const metrics = await measure(opened, labeled, { engine, batch: args.batch ?? 32 }, output);
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
