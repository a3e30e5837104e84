import { adaptformer, check, type Method, PeftError } from '@peft/core';
import {
  adaptformerOptions,
  type ConfigOf,
  type GivenOf,
  option,
  required,
  value,
  wrapperOptions,
} from '@peft/core/method';

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
};

export type PearConfig = ConfigOf<typeof pearOptions>;

const pearFindings = {
  shared: /* @__PURE__ */ required(
    'For each pruned target the one whose adapter it shares, or `null` if it shares none.',
    value.table(value.nullable(value.string())),
  ),
  scores: /* @__PURE__ */ option('The importance of each target.', value.table(value.number())),
};

/** The findings of the prune. */
export type PearFindings = ConfigOf<typeof pearFindings>;

/** Whatever is to differ from the defaults, and the adapters that it acts on. */
export interface PearOptions extends GivenOf<typeof pearOptions>, GivenOf<typeof adaptformerOptions> {
  /** The method whose adapters are pruned and shared; without it, a bottleneck of the options given here. */
  base?: Method;
  /** Findings of an earlier run. If they are given, nothing is scored. */
  findings?: GivenOf<typeof pearFindings>;
}

/** The configuration, what was found, and the method acted on. */
export interface PearParts {
  readonly config: PearConfig;
  readonly findings: PearFindings | undefined;
  readonly base: Method;
}

/** Everything about a Pear, checked. */
export function pearParts(options: PearOptions): PearParts {
  const described = { own: pearOptions, findings: pearFindings, inner: adaptformerOptions, make: adaptformer };
  const parts = wrapperOptions('pear', described, options);
  const { criterion, warmEpochs, knowledgeCheckpoint } = parts.config;
  check(
    criterion !== 'taylor' || warmEpochs !== 0,
    'bad-config',
    () =>
      'pear: warmEpochs is 0, but before the first step adapters add nothing and the criterion "taylor" finds all alike; ' +
      'train them first, or use another criterion.',
  );
  const { type, mergeable } = parts.base;
  if (knowledgeCheckpoint === 'merge' && mergeable !== true)
    throw new PeftError(
      'bad-config',
      `pear: knowledgeCheckpoint "merge" folds pruned adapters into the weight, but ${type} cannot be merged: ` +
        `${mergeable.reason} Use "frozen" or "none".`,
    );
  return parts;
}
