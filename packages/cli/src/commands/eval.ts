import { matchClasses, measure } from '@peft/run';
import { openEngine } from '@peft/run/node';
import type { Arguments } from '../arguments.ts';
import { openData } from '../data.ts';
import { openModel } from '../model.ts';
import type { Output } from '../output/output.ts';
import { count, percent, table } from '../output/table.ts';
import { compareWithReference } from './reference.ts';

/** Measures the accuracy of an adapter, or of a bare backbone, on a split. */
export async function evaluate(args: Arguments, output: Output): Promise<void> {
  if (args.reference !== undefined) return compareWithReference(args, args.reference, output);
  const dataset = await openData(args, args.split ?? 'test', output, 1);
  const engine = await openEngine(args, text => output.note(text));
  try {
    const opened = await openModel(args, output, dataset);
    const { labels, backbone } = opened;
    const labeled = matchClasses(dataset, { labels, classes: backbone.model.classes }, text => output.note(text));
    const started = performance.now();
    const bar = output.progress('eval   ', labeled.size);
    const onBatch = (done: number): void => bar.at(done);
    const metrics = await measure(opened, labeled, { engine, batch: args.batch ?? 32, onBatch });
    bar.end(`accuracy ${percent(metrics.accuracy)}`);
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
