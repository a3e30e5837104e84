/** The place of a step in a run. */
export interface Progress {
  /** Optimizer steps done before this one. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
}

/** The learning rate at a step, from the base rate. */
export type Schedule = (base: number, progress: Progress) => number;

/** The base learning rate, throughout. */
export const constantRate: Schedule = base => base;

/** Half a cosine from the base down to `minimum` (Loshchilov and Hutter 2017, arXiv 1608.03983, eq. 5). */
export const cosine =
  (minimum = 0): Schedule =>
  (base, { step, totalSteps }) =>
    minimum + 0.5 * (base - minimum) * (1 + Math.cos((Math.PI * step) / Math.max(1, totalSteps)));

/** Linear from the base down to zero. */
export const linearDecay: Schedule = (base, { step, totalSteps }) => base * (1 - step / Math.max(1, totalSteps));

/** Rises linearly over `steps` steps, then follows `after`, which sees only the steps that are left. */
export const warmup =
  (steps: number, after: Schedule): Schedule =>
  (base, progress) => {
    const { step, totalSteps } = progress;
    if (step < steps) return (base * (step + 1)) / steps;
    return after(base, { ...progress, step: step - steps, totalSteps: totalSteps - steps });
  };

/**
 * The schedule of the VTAB-1K recipes: `CosineLRScheduler` of timm 0.4.12 with t_initial = epochs, warmup_t = 10,
 * lr_min = 1e-5 and warmup_lr_init = 1e-6, stepped once after each epoch with that epoch's index. Two quirks are kept: the
 * first two epochs train with 1e-6, and the cosine is not shifted by the warm-up.
 */
export const timm0412 =
  ({ warmupEpochs = 10, minimum = 1e-5, warmupStart = 1e-6 } = {}): Schedule =>
  (base, { step, stepsPerEpoch, totalSteps }) => {
    const epochs = Math.ceil(totalSteps / stepsPerEpoch);
    const t = Math.floor(step / stepsPerEpoch) - 1;
    if (t < 0) return warmupStart;
    if (t < warmupEpochs) return warmupStart + (t * (base - warmupStart)) / warmupEpochs;
    return minimum + 0.5 * (base - minimum) * (1 + Math.cos((Math.PI * t) / epochs));
  };
