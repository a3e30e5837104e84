import { PeftError } from '@peft/core';
import type { RunEvent, RunRecord } from '@peft/run';
import type { Output } from './output.ts';
import { bytes, percent } from './table.ts';

type Bar = ReturnType<Output['progress']>;

/** Shows the events of a run: progress as bars, all else as notes. */
class RunView {
  readonly #output: Output;
  #bar: Bar | undefined;
  #meanLoss: number | undefined;
  /** The place of an adapter that is saved but not yet evaluated. */
  unevaluated: string | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  show(event: RunEvent): void {
    const output = this.#output;
    if (event.type === 'notice') output.note(event.text);
    else if (event.type === 'resumed') {
      for (const problem of event.passedOver) output.note(`Passed over: ${problem}`);
      output.note(`Going on from ${event.place}, after step ${event.step}.`);
      for (const difference of event.despite) output.note(`Forced: ${difference}`);
    } else if (event.type === 'caching') {
      this.#draw('cache', event, `features that enter ${event.enters}`);
      if (event.bytes !== undefined) this.#end(`${bytes(event.bytes)} of features that enter ${event.enters}`);
    } else if (event.type === 'started') this.#bar = output.progress(event.method.padEnd(7), event.totalSteps);
    else if (event.type === 'step')
      this.#bar?.at(event.step, `loss ${event.loss.toFixed(3)}  lr ${event.lr.toExponential(1)}`);
    else if (event.type === 'stage') output.note(`${event.stage}, before step ${event.step + 1}`);
    else if (event.type === 'epoch') this.#meanLoss = event.meanLoss;
    else if (event.type === 'watched' && event.metrics)
      output.note(`epoch ${event.epoch + 1}: accuracy ${percent(event.metrics.accuracy)}`);
    else if (event.type === 'best')
      output.note(
        `kept: step ${event.step}, the best, with accuracy ${percent(event.accuracy)} on the validation pictures`,
      );
    else if (event.type === 'saved') {
      this.unevaluated = event.place;
      this.#end(`loss ${this.#meanLoss?.toFixed(3) ?? '-'}`);
    } else if (event.type === 'evaluating') this.#draw('eval', event);
    else if (event.type === 'evaluated') {
      this.unevaluated = undefined;
      this.#end(`accuracy ${percent(event.metrics.accuracy)}`);
    }
  }

  #draw(label: string, { done, total }: { done: number; total: number }, detail?: string): void {
    this.#bar ??= this.#output.progress(label.padEnd(7), total);
    this.#bar.at(done, detail);
  }

  #end(detail: string): void {
    this.#bar?.end(detail);
    this.#bar = undefined;
  }
}

/**
 * Shows a run until it ends.
 *
 * @returns its record
 * @throws PeftError `state` if it was interrupted, with how to go on
 */
export async function showRun(events: AsyncIterable<RunEvent>, output: Output): Promise<RunRecord> {
  const view = new RunView(output);
  try {
    for await (const event of events) {
      view.show(event);
      if (event.type === 'done') return event.record;
      if (event.type === 'interrupted') {
        const { step, place } = event;
        throw new PeftError('state', `Interrupted after step ${step}; ${place} is saved. Go on with --resume.`);
      }
    }
  } catch (cause) {
    const { unevaluated: place } = view;
    if (place === undefined) throw cause;
    const code = cause instanceof PeftError ? cause.code : 'state';
    const advice = `The adapter is trained and saved in ${place}; evaluate it with peft eval --adapter ${place}.`;
    throw new PeftError(code, `${cause instanceof Error ? cause.message : cause} ${advice}`, { cause });
  }
  throw new PeftError('state', 'The run ended without a record.');
}
