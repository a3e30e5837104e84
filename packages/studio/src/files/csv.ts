import { project } from '../state/project.svelte.ts';
import { classesOf, predictionsOf } from '../state/runs.svelte.ts';
import type { StoredRun } from './stored.ts';

/** A field that no spreadsheet takes for a formula. */
function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A run's predictions, a picture a line. */
export function predictionsCsv(run: StoredRun): string {
  const classes = classesOf(run);
  const head = ['picture', 'part', 'true', 'predicted', ...classes].map(csvField);
  const lines = predictionsOf(run).map(({ picture, part, label, predicted, probabilities }) => [
    ...[project.byId.get(picture)?.name ?? picture, part, classes[label] ?? '', classes[predicted] ?? ''].map(csvField),
    ...[...probabilities].map(value => value.toPrecision(6)),
  ]);
  return `${[head, ...lines].map(fields => fields.join(',')).join('\r\n')}\r\n`;
}
