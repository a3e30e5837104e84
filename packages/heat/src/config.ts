import {
  type Aggregation,
  type BottleneckConfig,
  bottleneck,
  check,
  checkChoice,
  type Method,
  withDefaults,
} from '@peft/core';
import { type Component, type LayerScores, namedStrategies, type Scope, type Strategy } from './importance.ts';

/** Heads that are off, by the path of their attention (`blocks.3.attn`); with `separateMasks`, by side too. */
export type HeadsOff = Readonly<
  Record<string, readonly number[] | Readonly<Partial<Record<Component, readonly number[]>>>>
>;

export interface HeatConfig {
  /** Heads to turn off in each layer, instead of `ratio`. */
  ne: number | undefined;
  /** The part of each layer's heads to turn off, rounded down, but one at least unless it is 0. */
  ratio: number;
  /** Heads of each layer, for models whose modules do not tell. */
  heads: number | undefined;
  /** What the importance of a head is: of `q`, `v`, both (`qv`), `random`, or the name of a strategy of the user's own. */
  strategy: string;
  /**
   * Among which heads the least important are found: by sums over the layers of one shape (`global`), in each layer, or
   * among all. Unless given, `global` where all layers have as many heads, `layer` elsewhere.
   */
  scope: Scope | undefined;
  /** What goes: only what the adapter adds to a head, or the whole head, frozen part included. */
  maskTarget: 'delta' | 'output';
  /** With `maskTarget: 'output'`, the projections that read the heads, each beside the queries and values. */
  outputTargets: string[];
  /** How batches add up to a score; see {@link Aggregation}. */
  abs: Aggregation;
  /** What the gates multiply: the whole query or value, or what the adapter adds to it. */
  source: 'activation' | 'delta';
  /** Batches that are scored; an epoch of them unless given. */
  scoreBatches: number | undefined;
  /**
   * Epochs in which only the modules trained whole learn, before heads are scored: the gradient through a new head tells
   * little. Unless given, 1 or a fifth of the run, whichever is less; 0 where nothing is trained whole.
   */
  probeHeadEpochs: number | undefined;
  /** Epochs in which everything is trained unmasked before heads are scored. */
  warmEpochs: number;
  /** Scores anew after so many epochs, again and again; 0 for never. */
  refreshEvery: number;
  /** Whether queries (with keys) and values each have a mask of their own. */
  separateMasks: boolean;
  /** Whether each layer's importances are scaled to a mean of 1, so that no layer outweighs the others. */
  normalizeLayers: boolean;
  /** Of strategy `random`. */
  seed: number;
  /** Turns the most important heads off: a check, which must do worse. */
  highest: boolean;
  /** What is off. Found by the score pass; given, there is none. */
  off: HeadsOff | undefined;
  /** The scores that it was found by, by the path of their attention. */
  scores: Readonly<Record<string, LayerScores>> | undefined;
  /** Score passes done. */
  passes: number;
}

export const heatDefaults: HeatConfig = {
  ne: undefined,
  ratio: 0.25,
  heads: undefined,
  strategy: 'qv',
  scope: undefined,
  maskTarget: 'delta',
  outputTargets: ['attn.proj'],
  abs: 'batch',
  source: 'activation',
  scoreBatches: undefined,
  probeHeadEpochs: undefined,
  warmEpochs: 0,
  refreshEvery: 0,
  separateMasks: false,
  normalizeLayers: false,
  seed: 0,
  highest: false,
  off: undefined,
  scores: undefined,
  passes: 0,
};

/** What the low-rank pair on queries and values, which HEAT makes unless it is given another method, can be told. */
export type PairConfig = Omit<BottleneckConfig, 'act'>;

const pairDefaults: PairConfig = {
  targets: ['attn.qkv[q,v]'],
  exclude: undefined,
  layers: undefined,
  layersPattern: undefined,
  r: 8,
  scale: 1,
  dropout: 0,
  modulesToSave: [],
};

/** Whatever is to differ from {@link heatDefaults}, and either a method or the options of the default pair. */
export interface HeatOptions extends Partial<Omit<HeatConfig, 'strategy'>>, Partial<PairConfig> {
  /** The method whose deltas are masked. */
  of?: Method;
  strategy?: string | Strategy;
}

/** HEAT's parts: its configuration as plain data, the method that it acts on, and its strategy, if that is known. */
export interface HeatParts {
  readonly config: HeatConfig;
  readonly of: Method;
  /** Unknown where a strategy of the user's own was read from a file by name. */
  readonly strategy: Strategy | undefined;
}

const atLeast = (name: string, value: number, least: number, whole = true): void =>
  check(
    value >= least && (whole ? Number.isInteger(value) : Number.isFinite(value)),
    'bad-config',
    () => `heat: ${name} is ${value}; it must be a ${whole ? 'whole ' : ''}number of ${least} or more.`,
  );

function checkValues(config: HeatConfig): void {
  const { ne, ratio, heads, scope, maskTarget, abs, source, scoreBatches, probeHeadEpochs, warmEpochs, refreshEvery } =
    config;
  atLeast('ne', ne ?? 0, 0);
  atLeast('heads', heads ?? 1, 1);
  check(
    ratio >= 0 && ratio < 1,
    'bad-config',
    () => `heat: ratio is ${ratio}; it must be in [0, 1), the part of the heads to turn off.`,
  );
  checkChoice('heat', 'scope', scope ?? 'global', ['global', 'layer', 'allHeads']);
  checkChoice('heat', 'maskTarget', maskTarget, ['delta', 'output']);
  checkChoice('heat', 'abs', abs, ['batch', 'sample', 'none', 'square']);
  checkChoice('heat', 'source', source, ['activation', 'delta']);
  atLeast('scoreBatches', scoreBatches ?? 1, 1);
  atLeast('probeHeadEpochs', probeHeadEpochs ?? 0, 0, false);
  atLeast('warmEpochs', warmEpochs, 0, false);
  atLeast('refreshEvery', refreshEvery, 0, false);
  atLeast('passes', config.passes, 0);
}

/** Refuses options that do not go together. */
function checkTogether(config: HeatConfig, { modulesToSave, weightDelta }: Method): void {
  const { strategy, maskTarget, source, probeHeadEpochs = 0, warmEpochs, refreshEvery, separateMasks, off } = config;
  const refuse = (isWrong: boolean, why: string): void => check(!isWrong, 'bad-config', () => `heat: ${why}`);
  refuse(
    probeHeadEpochs > 0 && warmEpochs > 0,
    `probeHeadEpochs is ${probeHeadEpochs} and warmEpochs is ${warmEpochs}; give one of them, warmEpochs trains the head too.`,
  );
  refuse(
    probeHeadEpochs > 0 && modulesToSave.length === 0,
    `probeHeadEpochs is ${probeHeadEpochs}, but no module is trained whole; name the head in modulesToSave, or give 0.`,
  );
  refuse(
    source === 'delta' && warmEpochs === 0,
    'source "delta" scores nothing but zeros before the deltas were trained; give warmEpochs.',
  );
  refuse(
    source === 'delta' && refreshEvery > 0,
    'source "delta" scores zeros on heads that are off, so that a refresh could never turn one on; use source "activation".',
  );
  refuse(
    source === 'delta' && weightDelta !== undefined,
    'source "delta" cannot score a method that changes the weight itself; use source "activation".',
  );
  refuse(
    separateMasks && maskTarget === 'output',
    'a whole head has no two masks; leave separateMasks or maskTarget out.',
  );
  refuse(
    !separateMasks && Object.values(off ?? {}).some(heads => !('length' in heads)),
    'off tells queries from values, which goes with separateMasks: true.',
  );
  refuse(
    separateMasks && (strategy === 'q' || strategy === 'v'),
    `separateMasks needs scores of both sides, and strategy "${strategy}" has one; use "qv".`,
  );
}

function resolveStrategy(choice: string | Strategy, { seed, off }: HeatConfig): Strategy | undefined {
  const named = namedStrategies(seed);
  const names = named.map(({ name }) => name).join(', ');
  const isOwn = typeof choice !== 'string';
  const known = named.find(({ name }) => name === (isOwn ? choice.name : choice));
  check(
    !isOwn || !known,
    'bad-config',
    () => `heat: a strategy of your own cannot be called ${known?.name}, as one of HEAT's is.`,
  );
  const strategy = isOwn ? choice : known;
  check(
    strategy || off,
    'bad-config',
    () => `heat: strategy is "${choice}"; it must be ${names}, or a strategy of your own: its value, not its name.`,
  );
  return strategy;
}

/** The given method, or the default pair with its options. */
function methodOf(given: Method | undefined, options: Partial<PairConfig>, pair: PairConfig): Method {
  const misplaced = Object.entries(options).find(([name, value]) => name in pairDefaults && value !== undefined);
  check(
    !given || !misplaced,
    'bad-config',
    () =>
      `heat: ${misplaced?.[0]} is an option of the pair that HEAT makes itself; give it to the ${given?.type} that it acts on.`,
  );
  const of = given ?? bottleneck({ act: 'identity', ...pair });
  check(
    !of.stage,
    'not-supported',
    () => `heat: ${of.type} is still to ${of.stage?.name}; HEAT can act on it only after that.`,
  );
  return of;
}

/** Everything about a HEAT, checked. */
export function heatParts({ of: given, strategy: choice = heatDefaults.strategy, ...options }: HeatOptions): HeatParts {
  const { targets, exclude, layers, layersPattern, r, scale, dropout, modulesToSave, ...own } = withDefaults(
    'heat',
    { ...heatDefaults, ...pairDefaults },
    options,
  );
  const pair = { targets, exclude, layers, layersPattern, r, scale, dropout, modulesToSave };
  const of = methodOf(given, options, pair);
  const strategy = resolveStrategy(choice, own);
  const config: HeatConfig = { ...own, strategy: typeof choice === 'string' ? choice : choice.name };
  checkValues(config);
  checkTogether(config, of);
  return { config, of, strategy };
}
