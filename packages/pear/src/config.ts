import {
  bottleneck,
  bottleneckOptions,
  type ConfigOf,
  check,
  configure,
  type GivenOf,
  type Method,
  option,
  requireMethod,
  splitOptions,
  value,
} from '@peft/core';

export const pearOptions = {
  ratio: /* @__PURE__ */ option(
    'How many of the adapters that are alike are pruned; at least one of them is kept.',
    value.number({ min: 0, below: 1 }),
    0.5,
  ),
  warmEpochs: /* @__PURE__ */ option(
    'Epochs in which all adapters are trained before they are scored: 0.3 of the run, unless given.',
    value.number({ min: 0 }),
  ),
  criterion: /* @__PURE__ */ option(
    'How important an adapter is: `taylor`, by how much the loss would change without what it adds, to first order; ' +
      '`magnitude`, the sum of the absolute values of its trained tensors; `random`.',
    value.choice(['taylor', 'magnitude', 'random']),
    'taylor',
  ),
  pairing: /* @__PURE__ */ option(
    'Which of the most important adapters a pruned position shares: the `nearest` one, each in turn; by `rank`, the most ' +
      'important for the most important; `top1`, the best one everywhere; or one at `random`, each in turn.',
    value.choice(['nearest', 'rank', 'top1', 'random']),
    'nearest',
  ),
  knowledgeCheckpoint: /* @__PURE__ */ option(
    'What becomes of what a pruned adapter has learned: it goes on acting, `frozen`; or it is folded into the frozen ' +
      'weight, `merge`, which is the same function without another pass through the module; or it is lost, `none`.',
    value.choice(['frozen', 'merge', 'none']),
    'frozen',
  ),
  share: /* @__PURE__ */ option(
    'Whether pruned positions share; if not, only the knowledge checkpoint acts there.',
    value.boolean(),
    true,
  ),
  shareInit: /* @__PURE__ */ option(
    'Whether a shared adapter acts as it is from the start, or times a trained number that starts at zero.',
    value.choice(['asIs', 'gate0']),
    'asIs',
  ),
  scoreBatches: /* @__PURE__ */ option(
    'Batches that are scored; an epoch of them, unless given.',
    value.integer({ min: 1 }),
  ),
  seed: /* @__PURE__ */ option('For `random` criteria and pairings.', value.integer(), 0),
  shared: /* @__PURE__ */ option(
    'What was found: for each pruned site the one whose adapter it shares, or `null` if it shares none.',
    value.table(value.nullable(value.text())),
  ),
  scores: /* @__PURE__ */ option('What was found: the importance of each site.', value.table(value.number())),
};

export type PearConfig = ConfigOf<typeof pearOptions>;

/** Whatever is to differ from the defaults, and the adapters that it acts on. */
export interface PearOptions extends GivenOf<typeof pearOptions>, GivenOf<typeof bottleneckOptions> {
  /** The method whose adapters are pruned and shared; without it, a bottleneck of the options given here. */
  of?: Method;
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
  requireMethod('pear', given);
  const { own, inner } = splitOptions('pear', pearOptions, bottleneckOptions, options);
  const config = configure('pear', pearOptions, own);
  check(
    config.criterion !== 'taylor' || config.warmEpochs !== 0,
    'bad-config',
    () =>
      'pear: warmEpochs is 0, but before the first step adapters add nothing and the criterion "taylor" finds all alike; ' +
      'train them first, or use another criterion.',
  );
  const [foreign] = Object.keys(inner);
  check(
    !given || !foreign,
    'bad-config',
    () => `pear: ${foreign} is for the adapters that Pear makes itself, but "of" is ${given?.type}; set it there.`,
  );
  const of = given ?? bottleneck(inner);
  checkMethod(of, config);
  return { config, of };
}
