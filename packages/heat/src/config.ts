import { adaptformer, check, type Method } from '@peft/core';
import {
  adaptformerOptions,
  type ConfigOf,
  configure,
  type GivenOf,
  option,
  required,
  targetsOf,
  value,
  wrapperOptions,
} from '@peft/core/method';
import { namedStrategies, type Strategy } from './importance.ts';

const heads = value.list(value.integer({ min: 0 }));
const scored = value.list(value.number());

export const heatOptions = {
  ne: /* @__PURE__ */ option('Heads to turn off in each layer, instead of `ratio`.', value.integer({ min: 0 })),
  ratio: /* @__PURE__ */ option(
    "The part of each layer's heads to turn off, rounded down, but one at least unless it is 0.",
    value.number({ min: 0, below: 1 }),
    0.25,
  ),
  heads: /* @__PURE__ */ option(
    'Heads of each layer, for models whose modules do not tell.',
    value.integer({ min: 1 }),
  ),
  strategy: /* @__PURE__ */ option(
    "What the importance of a head is: of `q`, `v`, both (`qv`), `random`, or the name of a strategy of the user's own.",
    value.string(),
    'qv',
  ),
  scope: /* @__PURE__ */ option(
    'Among which heads the least important are found: by sums over the layers of one shape (`global`), in each `layer`, ' +
      'or among all (`allHeads`). Unless given, `global` where all layers have as many heads, `layer` elsewhere.',
    value.choice(['global', 'layer', 'allHeads']),
  ),
  maskTarget: /* @__PURE__ */ option(
    'What goes: only what the adapter adds to a head (`delta`), or the whole head, frozen part included (`output`).',
    value.choice(['delta', 'output']),
    'delta',
  ),
  outputTargets: /* @__PURE__ */ option(
    "With maskTarget 'output', the projections that read the heads, each beside the queries and values.",
    value.list(value.string()),
    ['attn.proj'],
  ),
  aggregation: /* @__PURE__ */ option(
    'How batches add up to a score: sums `|dL/dg|` of batches, of each `sample`, signed (`none`), or its `square`.',
    value.choice(['batch', 'sample', 'none', 'square']),
    'batch',
  ),
  scoreOn: /* @__PURE__ */ option(
    'What the gates multiply: the whole query or value, or what the adapter adds to it.',
    value.choice(['activation', 'delta']),
    'activation',
  ),
  scoreBatches: /* @__PURE__ */ option(
    'Batches that are scored; an epoch of them unless given.',
    value.integer({ min: 1 }),
  ),
  probeHeadEpochs: /* @__PURE__ */ option(
    'Epochs in which only the modules trained whole learn, before heads are scored: the gradient through a new head tells ' +
      'little. Unless given, 1 or a fifth of the run, whichever is less; 0 where nothing is trained whole.',
    value.number({ min: 0 }),
  ),
  warmEpochs: /* @__PURE__ */ option(
    'Epochs in which everything is trained unmasked before heads are scored.',
    value.number({ min: 0 }),
    0,
  ),
  refreshEvery: /* @__PURE__ */ option(
    'Scores anew after so many epochs, again and again; 0 for never.',
    value.number({ min: 0 }),
    0,
  ),
  separateMasks: /* @__PURE__ */ option(
    'Whether queries (with keys) and values each have a mask of their own.',
    value.boolean(),
    false,
  ),
  normalizeLayers: /* @__PURE__ */ option(
    "Whether each layer's importances are scaled to a mean of 1, so that no layer outweighs the others.",
    value.boolean(),
    false,
  ),
  seed: /* @__PURE__ */ option('Of strategy `random`.', value.integer(), 0),
  highest: /* @__PURE__ */ option(
    'Turns the most important heads off: a check, which must do worse.',
    value.boolean(),
    false,
  ),
};

export type HeatConfig = ConfigOf<typeof heatOptions>;

const heatFindings = {
  off: /* @__PURE__ */ required(
    'Heads that are off, by the path of their attention (`blocks.3.attn`); with `separateMasks`, by side too.',
    value.table(value.either(heads, value.object({ q: heads, v: heads }))),
  ),
  scores: /* @__PURE__ */ option(
    'The scores that they were found by, by the path of their attention.',
    value.table(value.object({ q: scored, v: scored })),
  ),
  passes: /* @__PURE__ */ option('Score passes done.', value.integer({ min: 1 }), 1),
};

/** The findings of score passes. */
export type HeatFindings = ConfigOf<typeof heatFindings>;

/** Checks them, from a checkpoint or from the user. */
export const readFindings = (found: object): HeatFindings => configure('heat: findings', heatFindings, found);

export type HeadsOff = HeatFindings['off'];

/** The low-rank pair on queries and values that HEAT makes unless it is given another method. */
export const pairOptions = {
  .../* @__PURE__ */ targetsOf(['attn.qkv[q,v]']),
  r: adaptformerOptions.r,
  scale: adaptformerOptions.scale,
  dropout: adaptformerOptions.dropout,
  modulesToSave: adaptformerOptions.modulesToSave,
};

/** The options of the default pair of methods. */
export type PairOptions = GivenOf<typeof pairOptions>;

/** Whatever is to differ from the defaults, and either a method or the options of the default pair. */
export interface HeatOptions extends Omit<GivenOf<typeof heatOptions>, 'strategy'>, PairOptions {
  /** The method whose deltas are masked. */
  base?: Method;
  /** Findings of an earlier run. If they are given, no head is scored. */
  findings?: GivenOf<typeof heatFindings>;
  strategy?: string | Strategy;
}

/** HEAT's parts: its configuration as plain data, the method that it acts on, and its strategy, if that is known. */
export interface HeatParts {
  readonly config: HeatConfig;
  readonly findings: HeatFindings | undefined;
  readonly base: Method;
  /** Unknown where a strategy of the user's own was read from a file by name. */
  readonly strategy: Strategy | undefined;
}

/** Refuses options that do not go together. */
function checkTogether({ config, findings, base }: Omit<HeatParts, 'strategy'>): void {
  const { strategy, maskTarget, scoreOn, probeHeadEpochs = 0, warmEpochs, refreshEvery, separateMasks } = config;
  const refuse = (isWrong: boolean, why: string): void => check(!isWrong, 'bad-config', () => `heat: ${why}`);
  refuse(
    probeHeadEpochs > 0 && warmEpochs > 0,
    `probeHeadEpochs is ${probeHeadEpochs} and warmEpochs is ${warmEpochs}; give one of them, warmEpochs trains the head too.`,
  );
  refuse(
    probeHeadEpochs > 0 && base.modulesToSave.length === 0,
    `probeHeadEpochs is ${probeHeadEpochs}, but no module is trained whole; name the head in modulesToSave, or give 0.`,
  );
  refuse(
    scoreOn === 'delta' && warmEpochs === 0,
    'scoreOn "delta" scores nothing but zeros before the deltas were trained; give warmEpochs.',
  );
  refuse(
    scoreOn === 'delta' && refreshEvery > 0,
    'scoreOn "delta" scores zeros on heads that are off, so that a refresh could never turn one on; use scoreOn "activation".',
  );
  refuse(
    scoreOn === 'delta' && base.weightDelta !== undefined,
    'scoreOn "delta" cannot score a method that changes the weight itself; use scoreOn "activation".',
  );
  refuse(
    separateMasks && maskTarget === 'output',
    'a whole head has no two masks; leave separateMasks or maskTarget out.',
  );
  refuse(
    !separateMasks && Object.values(findings?.off ?? {}).some(heads => !('length' in heads)),
    'off tells queries from values, which goes with separateMasks: true.',
  );
  refuse(
    separateMasks && (strategy === 'q' || strategy === 'v'),
    `separateMasks needs scores of both sides, and strategy "${strategy}" has one; use "qv".`,
  );
}

/** The strategy that was given, or that of a name; none where a mask is there and its strategy is one of the user's own. */
function strategyOf(
  choice: string | Strategy,
  { config, findings }: Omit<HeatParts, 'strategy'>,
): Strategy | undefined {
  const named = namedStrategies(config.seed);
  const known = named.find(({ name }) => name === config.strategy);
  if (typeof choice === 'string') {
    check(known || findings, 'bad-config', () => {
      const names = named.map(({ name }) => name).join(', ');
      return `heat: strategy is "${choice}"; it must be ${names}, or a strategy of your own: its value, not its name.`;
    });
    return known;
  }
  const { name, combine } = choice;
  check(!known, 'bad-config', () => `heat: a strategy of your own cannot be called ${name}, as one of HEAT's is.`);
  check(typeof combine === 'function', 'bad-config', () => `heat: strategy "${name}" has no function combine.`);
  return choice;
}

/** Everything about a HEAT, checked. */
export function heatParts({ strategy, ...options }: HeatOptions): HeatParts {
  const name = typeof strategy === 'object' ? strategy?.name : strategy;
  const parts = wrapperOptions(
    'heat',
    {
      own: heatOptions,
      findings: heatFindings,
      inner: pairOptions,
      make: pair => adaptformer({ targets: pairOptions.targets.default, ...pair, act: 'identity' }),
    },
    { ...options, strategy: name },
  );
  checkTogether(parts);
  return { ...parts, strategy: strategyOf(strategy ?? parts.config.strategy, parts) };
}
