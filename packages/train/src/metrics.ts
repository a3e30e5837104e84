import { check, nonFinite } from '@peft/core';
import { sum } from './sum.ts';

/** The quality of predictions. */
export interface Metrics {
  /** Samples. */
  readonly n: number;
  /** The share of samples whose largest logit is that of their class (top-1), in [0, 1]. */
  readonly accuracy: number;
  /** The mean over classes that occur of the share that was recognized. */
  readonly meanPerClass: number;
  /** Mean cross entropy, in nats. */
  readonly loss: number;
  /** `confusion[label][prediction]`: counts. */
  readonly confusion: number[][];
}

/**
 * Refuses logits that are not finite: a class or an accuracy computed from them would be wrong.
 *
 * @param of whose logits they are, for the error
 */
export function checkLogits(logits: Float32Array, base: string): void {
  const wrong = nonFinite(logits);
  check(wrong === undefined, 'numerics', () => {
    return `The logits of ${base} hold ${wrong}. The weights, the adapter or the pictures have values that are not finite, or too large; check where they come from.`;
  });
}

/** Adds up predictions batch by batch. */
export class MetricsAccumulator {
  readonly #confusion: number[][];
  #loss = 0;

  constructor(classes: number) {
    this.#confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  /** @param logits `[B, C]`, row-major */
  add(logits: Float32Array, labels: Int32Array): void {
    const classes = this.#confusion.length;
    checkLogits(logits, 'a batch');
    check(logits.length === labels.length * classes, 'bad-shape', () => {
      return `${logits.length} logits do not fit ${labels.length} labels of ${classes} classes.`;
    });
    for (const [row, label] of labels.entries()) {
      const counts = this.#confusion[label];
      check(counts, 'bad-argument', () => `Label ${label} is not one of the model's ${classes} classes.`);
      const scores = logits.subarray(row * classes, (row + 1) * classes);
      counts[argMax(scores)]!++;
      this.#loss += logSumExp(scores) - scores[label]!;
    }
  }

  result(): Metrics {
    const totals = this.#confusion.map(sum);
    const right = this.#confusion.map((row, label) => row[label]!);
    const n = sum(totals);
    const recalls = right.map((count, label) => count / totals[label]!).filter(Number.isFinite); // of classes that occur
    return {
      n,
      accuracy: n > 0 ? sum(right) / n : 0,
      meanPerClass: recalls.length > 0 ? sum(recalls) / recalls.length : 0,
      loss: n > 0 ? this.#loss / n : 0,
      confusion: this.#confusion,
    };
  }
}

/** The index of the largest value; the first of equals. */
export function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

export function logSumExp(values: Float32Array): number {
  const largest = values[argMax(values)]!;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
