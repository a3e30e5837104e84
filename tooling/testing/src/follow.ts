/** The part of `Trainer` of `@peft/train` that a listener needs. */
interface Run {
  /** Completed steps. */
  readonly step: number;
  run(): AsyncIterable<
    | { type: 'step'; loss: number }
    | { type: 'stage'; adapter: string; stage: string; step: number }
    | { type: 'epoch' | 'interrupted' | 'done' }
  >;
}

/** The results of a run, in order. */
export interface Followed {
  readonly losses: number[];
  /** The stages that were passed, each with the number of steps before it. */
  readonly stages: { adapter: string; stage: string; step: number }[];
}

/** Trains to the end, or for a number of steps. */
export async function follow(trainer: Run, until = Number.POSITIVE_INFINITY): Promise<Followed> {
  const losses: number[] = [];
  const stages: Followed['stages'] = [];
  for await (const event of trainer.run()) {
    if (event.type === 'step') losses.push(event.loss);
    if (event.type === 'stage') stages.push({ adapter: event.adapter, stage: event.stage, step: event.step });
    if (trainer.step >= until) break;
  }
  return { losses, stages };
}
