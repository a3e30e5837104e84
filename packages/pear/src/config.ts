import {
  type BottleneckConfig,
  bottleneck,
  bottleneckDefaults,
  check,
  checkChoice,
  type Method,
  withDefaults,
} from '@peft/core';
import type { Pairing } from './prune.ts';

export interface PearConfig {
  /** How many of the adapters that are alike are pruned; at least one of them is kept. */
  ratio: number;
  /** Epochs in which all adapters are trained before they are scored: 0.3 of the run, unless given. */
  warmEpochs: number | undefined;
  /**
   * How important an adapter is: `taylor`, by how much the loss would change without what it adds, to first order;
   * `magnitude`, the sum of the absolute values of its trained tensors; `random`.
   */
  criterion: 'taylor' | 'magnitude' | 'random';
  /**
   * Which of the most important adapters a pruned position shares: the `nearest` one, each in turn; by `rank`, the most
   * important for the most important; `top1`, the best one everywhere; or one at `random`, each in turn.
   */
  pairing: Pairing;
  /**
   * What becomes of what a pruned adapter has learned: it goes on acting, `frozen`; or it is folded into the frozen weight,
   * `merge`, which is the same function without another pass through the module; or it is lost, `none`.
   */
  knowledgeCheckpoint: 'frozen' | 'merge' | 'none';
  /** Whether pruned positions share; if not, only the knowledge checkpoint acts there. */
  share: boolean;
  /** Whether a shared adapter acts as it is from the start, or times a trained number that starts at zero. */
  shareInit: 'asIs' | 'gate0';
  /** Batches that are scored; an epoch of them, unless given. */
  scoreBatches: number | undefined;
  /** For `random` criteria and pairings. */
  seed: number;
  /** What was found: for each pruned site the one whose adapter it shares, or `null` if it shares none. */
  shared: Record<string, string | null> | undefined;
  /** What was found: the importance of each site. */
  scores: Record<string, number> | undefined;
}

export const pearDefaults: PearConfig = {
  ratio: 0.5,
  warmEpochs: undefined,
  criterion: 'taylor',
  pairing: 'nearest',
  knowledgeCheckpoint: 'frozen',
  share: true,
  shareInit: 'asIs',
  scoreBatches: undefined,
  seed: 0,
  shared: undefined,
  scores: undefined,
};

/** Whatever is to differ from {@link pearDefaults}, and the adapters that it acts on. */
export interface PearOptions extends Partial<PearConfig>, Partial<BottleneckConfig> {
  /** The method whose adapters are pruned and shared; without it, a bottleneck of the options given here. */
  of?: Method;
}

function checkNumbers({ ratio, warmEpochs, scoreBatches, seed }: PearConfig): void {
  check(ratio >= 0 && ratio < 1, 'bad-config', () => `pear: ratio is ${ratio}; it must be in [0, 1).`);
  check(
    warmEpochs === undefined || (Number.isFinite(warmEpochs) && warmEpochs >= 0),
    'bad-config',
    () => `pear: warmEpochs is ${warmEpochs}; it must be 0 or more.`,
  );
  check(
    scoreBatches === undefined || (Number.isInteger(scoreBatches) && scoreBatches > 0),
    'bad-config',
    () => `pear: scoreBatches is ${scoreBatches}; it must be a whole number of 1 or more.`,
  );
  check(Number.isInteger(seed), 'bad-config', () => `pear: seed is ${seed}; it must be a whole number.`);
}

function checkMethod(of: Method, { knowledgeCheckpoint }: PearConfig): void {
  check(
    !of.stage,
    'not-supported',
    () =>
      `pear: ${of.type} is itself to ${of.stage?.name} in the run, and cannot be pruned while it may change. ` +
      'Train the two as adapters of their own, or give it as it is after that.',
  );
  check(
    knowledgeCheckpoint !== 'merge' || !of.unmergeable,
    'bad-config',
    () =>
      `pear: knowledgeCheckpoint "merge" folds pruned adapters into the weight, but ${of.type} cannot be: ` +
      `${of.unmergeable} Use "frozen" or "none".`,
  );
}

/** The whole configuration and the method it acts on, checked. */
export function pearConfig({ of: given, ...options }: PearOptions): { config: PearConfig; of: Method } {
  const all = withDefaults<PearConfig & BottleneckConfig>('pear', { ...pearDefaults, ...bottleneckDefaults }, options);
  const { targets, exclude, layers, layersPattern, r, act, scale, dropout, modulesToSave, ...config } = all;
  checkChoice('pear', 'criterion', config.criterion, ['taylor', 'magnitude', 'random']);
  checkChoice('pear', 'pairing', config.pairing, ['nearest', 'rank', 'top1', 'random']);
  checkChoice('pear', 'knowledgeCheckpoint', config.knowledgeCheckpoint, ['frozen', 'merge', 'none']);
  checkChoice('pear', 'shareInit', config.shareInit, ['asIs', 'gate0']);
  checkNumbers(config);
  check(
    config.criterion !== 'taylor' || config.warmEpochs !== 0,
    'bad-config',
    () =>
      'pear: warmEpochs is 0, but before the first step adapters add nothing and the criterion "taylor" finds all alike; ' +
      'train them first, or use another criterion.',
  );
  const foreign = Object.entries(options).find(([name, value]) => name in bottleneckDefaults && value !== undefined);
  check(
    !given || !foreign,
    'bad-config',
    () => `pear: ${foreign?.[0]} is for the adapters that Pear makes itself, but "of" is ${given?.type}; set it there.`,
  );
  const own = { targets, exclude, layers, layersPattern, r, act, scale, dropout, modulesToSave };
  const of = given ?? bottleneck(own);
  checkMethod(of, config);
  return { config, of };
}
