import { check, fromFloat32, type JsonObject, type Slice, type StoredTensor, type Target } from '@peft/core';
import {
  type Adaptable,
  type FileLayout,
  fromFileOrder,
  option,
  type PeftAdapterFile,
  patternValue,
  permute,
  type RenamedTargets,
  readFields,
  renamedOptions,
  type TargetValues,
  type TensorReader,
  targetFields,
  toFileOrder,
  value,
  weightLayout,
  weightOf,
} from '@peft/core/method';
import { type LoraConfig, type LoraOptions, loraConfig, loraOptions } from './config.ts';
import { type LoraTensors, normsLayout, rankOf, scaleOf } from './maths.ts';

/** A pair of factors in the file's order: A `[r, in]`, for a convolution `[r, channels, height, width]`; B `[out, r]`. */
interface Pair {
  r: number;
  A: Float32Array;
  B: Float32Array;
  target: Target;
}

type Widths = 'inFeatures' | 'outFeatures' | 'kernel';

/** The stored form of A of rank r, by its module. */
const layoutA = ({ inFeatures, kernel }: Pick<Adaptable, Widths>, r: number): FileLayout =>
  weightLayout(inFeatures, r, kernel);

/** The shape of a stored B of rank r: that of a convolution is one of 1 x 1. */
const shapeB = ({ outFeatures, kernel }: Pick<Adaptable, Widths>, r: number): number[] =>
  kernel ? [outFeatures, r, 1, 1] : [outFeatures, r];

const transpose = (values: Float32Array, rows: number, columns: number): Float32Array =>
  permute(values, [rows, columns], [1, 0]);

function pairOf(target: Target, A: Float32Array, B: Float32Array, sign = 1): Pair {
  const r = A.length / target.inFeatures;
  const stored = transpose(B, r, target.outFeatures);
  return {
    r,
    target,
    A: toFileOrder(A, layoutA(storedModule(target), r)),
    B: sign === 1 ? stored : stored.map(value => sign * value),
  };
}

type LoraValues = TargetValues<LoraTensors>[number];

/** The values of a module's targets: itself, or slices of it. */
type ModuleValues = readonly [LoraValues, ...LoraValues[]];

/** A target's pairs: its own, and with PiSSA the one that it started as, taken off. */
const pairsOf = ({ target, values: { A, B, A0, B0 } }: LoraValues): Pair[] => [
  pairOf(target, A, B),
  ...(A0 && B0 ? [pairOf(target, A0, B0, -1)] : []),
];

/** The module that a file has for a target: its own, or the slice itself if it has a name. */
const storedModule = ({ named, module, inFeatures, outFeatures }: Target): Pick<Adaptable, Widths> =>
  named ? { inFeatures, outFeatures } : module;

/** The place of a target in the outputs of its {@link storedModule}. */
const startOf = ({ slice, named }: Target): number => (named ? 0 : (slice?.start ?? 0));

/**
 * The pairs on one module as one: A stacked to the sum of the ranks, B placed in blocks. So slices of a fused
 * projection become a LoRA of the whole one, which is all that peft can express, and gives the same update.
 */
function stack(targets: ModuleValues): { r: number; A: StoredTensor; B: StoredTensor } {
  const pairs = targets.flatMap(pairsOf);
  const module = storedModule(targets[0].target);
  const { inFeatures, outFeatures } = module;
  const r = pairs.reduce((sum, pair) => sum + pair.r, 0);
  const A = new Float32Array(r * inFeatures);
  const B = new Float32Array(outFeatures * r);
  let column = 0;
  for (const pair of pairs) {
    A.set(pair.A, column * inFeatures);
    for (let row = 0; row < pair.target.outFeatures; row++) {
      B.set(pair.B.subarray(row * pair.r, (row + 1) * pair.r), (startOf(pair.target) + row) * r + column);
    }
    column += pair.r;
  }
  return { r, A: fromFloat32(A, layoutA(module, r).shape), B: fromFloat32(B, shapeB(module, r)) };
}

function normsOf({ target, values: { m } }: LoraValues): Float32Array {
  check(m, 'missing', () => `${target.id} has no norms to write, which DoRA has.`);
  return m;
}

/** DoRA's norms of a whole module: those that were trained, and the frozen weight's own for the other slices. */
async function magnitudes(targets: ModuleValues): Promise<StoredTensor> {
  const [{ target: first }] = targets;
  const { module } = first;
  const { outFeatures, kernel } = storedModule(first);
  if (first.named || !first.slice) return fromFloat32(normsOf(targets[0]), normsLayout(outFeatures, kernel).shape);
  const squares = new Float64Array(outFeatures);
  for (const [i, value] of (await weightOf(module).get()).entries()) squares[i % outFeatures]! += value * value;
  const norms = Float32Array.from(squares, Math.sqrt);
  for (const values of targets) norms.set(normsOf(values), startOf(values.target));
  return fromFloat32(norms, normsLayout(outFeatures, kernel).shape);
}

function groupByPath(targets: readonly LoraValues[]): Map<string, ModuleValues> {
  const groups = new Map<string, ModuleValues>();
  for (const entry of targets) {
    const known = groups.get(entry.target.path);
    groups.set(entry.target.path, known ? [...known, entry] : [entry]);
  }
  return groups;
}

/** The most frequent value, `otherwise` if there is none, and the exceptions by path. */
function commonValue(
  values: [string, number][],
  otherwise: number,
): { common: number; exceptions: Record<string, number> } {
  const counts = new Map<number, number>();
  for (const [, value] of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [[common] = [otherwise]] = [...counts].sort(([, a], [, b]) => b - a);
  return { common, exceptions: Object.fromEntries(values.filter(([, value]) => value !== common)) };
}

/** An adapter as peft's `LORA`: its fields, and `lora_A.weight`, `lora_B.weight`, `lora_magnitude_vector` by module. */
export async function writeLora(targets: TargetValues<LoraTensors>, config: LoraConfig): Promise<PeftAdapterFile> {
  const tensors = new Map<string, StoredTensor>();
  const ranks: [string, number][] = [];
  const alphas: [string, number][] = [];
  for (const [path, entries] of groupByPath(targets)) {
    const { r, A, B } = stack(entries);
    tensors.set(`${path}.lora_A.weight`, A);
    tensors.set(`${path}.lora_B.weight`, B);
    if (config.dora) tensors.set(`${path}.lora_magnitude_vector`, await magnitudes(entries));
    ranks.push([path, r]);
    alphas.push([path, scaleOf(config, { path }) * (config.rslora ? Math.sqrt(r) : r)]);
  }
  const isPlain = targets.every(({ target, values }) => (target.named || !target.slice) && !values.A0);
  const rank = isPlain ? { common: config.r, exceptions: config.rankPattern } : commonValue(ranks, config.r);
  const alpha = isPlain ? { common: config.alpha, exceptions: config.alphaPattern } : commonValue(alphas, config.alpha);
  return {
    tensors,
    config: {
      r: rank.common,
      lora_alpha: alpha.common,
      rank_pattern: rank.exceptions,
      alpha_pattern: alpha.exceptions,
      ...targetFields(
        config,
        targets.map(({ target }) => target),
      ),
      lora_dropout: config.dropout,
      use_rslora: config.rslora,
      use_dora: config.dora,
      bias: config.bias,
      init_lora_weights: config.init === 'gaussian' ? 'gaussian' : true,
      fan_in_fan_out: false,
    },
  };
}

/** Fields that change the maths and are not implemented: an adapter that uses one is refused. */
const unsupported = [
  'enable_lora', // of another library: rows of a fused projection that it leaves alone
  'fan_in_fan_out',
  'layer_replication',
  'lora_bias',
  'target_parameters',
  'trainable_token_indices',
  'use_qalora',
  'use_bdlora',
  'velora_config',
  'monteclora_config',
  'arrow_config',
  'kasa_config',
  'alora_invocation_tokens',
  'megatron_config',
];

const fields = {
  r: loraOptions.r,
  lora_alpha: loraOptions.alpha,
  use_rslora: loraOptions.rslora,
  use_dora: loraOptions.dora,
  lora_dropout: loraOptions.dropout,
  rank_pattern: loraOptions.rankPattern,
  alpha_pattern: loraOptions.alphaPattern,
  bias: loraOptions.bias,
  init_lora_weights: /* @__PURE__ */ option('How it started.', value.either(value.boolean(), value.string())),
};

/** The options that a config written by Python peft stands for. */
function optionsOf(config: JsonObject): LoraOptions {
  const { where, ...own } = readFields(config, fields, unsupported);
  const { init_lora_weights: init } = own;
  const isPissa = typeof init === 'string' && init.startsWith('pissa');
  const known = ['eva', 'orthogonal', 'gaussian'];
  check(
    typeof init !== 'string' || isPissa || known.includes(init.toLowerCase()),
    'not-supported',
    () => `This LoRA was initialized with "${init}", which changes the frozen weights in a way not implemented here.`,
  );
  return {
    ...where,
    r: own.r,
    alpha: own.lora_alpha,
    rslora: own.use_rslora,
    dora: own.use_dora,
    dropout: own.lora_dropout,
    dropoutAt: 'input',
    init: isPissa ? 'pissa' : 'default',
    rankPattern: own.rank_pattern,
    alphaPattern: own.alpha_pattern,
    bias: own.bias,
  };
}

/** Takes a target's factors out of its module's stacked ones. */
function readTarget(
  target: Target,
  targets: readonly Target[],
  config: LoraConfig,
  reader: TensorReader,
  own: boolean,
) {
  const { path } = target;
  const module = storedModule(target);
  const r = rankOf(config, target);
  const hasStart = own && config.init === 'pissa';
  const perTarget = hasStart ? 2 : 1;
  const siblings = targets.filter(other => other.path === path);
  const total = r * perTarget * siblings.length;
  const A = reader.take(`${path}.lora_A.weight`, layoutA(module, total).shape);
  const B = reader.take(`${path}.lora_B.weight`, shapeB(module, total));
  const factors = (index: number, sign: number): [Float32Array, Float32Array] => {
    const first = (siblings.indexOf(target) * perTarget + index) * r;
    const rows = A.slice(first * module.inFeatures, (first + r) * module.inFeatures);
    const a = fromFileOrder(rows, layoutA(module, r));
    const b = new Float32Array(r * target.outFeatures);
    for (let row = 0; row < target.outFeatures; row++) {
      const from = (startOf(target) + row) * total + first;
      for (let k = 0; k < r; k++) b[k * target.outFeatures + row] = sign * B[from + k]!;
    }
    return [a, b];
  };
  const values: Record<string, Float32Array> = {};
  [values.A, values.B] = factors(0, 1);
  if (hasStart) [values.A0, values.B0] = factors(1, -1);
  if (config.dora) {
    const norms = reader.take(`${path}.lora_magnitude_vector`, normsLayout(module.outFeatures, module.kernel).shape);
    values.m = norms.slice(startOf(target), startOf(target) + target.outFeatures);
  }
  return values;
}

/** Reads peft's `LORA`, written here or by Python: its options, and its values target by target. */
export function readLora(file: PeftAdapterFile, options?: LoraOptions) {
  const own = options !== undefined;
  const config = loraConfig(options ?? optionsOf(file.config));
  const values = (target: Target, targets: readonly Target[], reader: TensorReader): Record<string, Float32Array> =>
    readTarget(target, targets, config, reader, own);
  return { config, values };
}

/** The values of LoRA on some outputs of a target: the same A, the columns of B, and DoRA's norms of these outputs. */
export function loraPart({ target, values }: LoraValues, { start, end }: Slice): LoraValues['values'] {
  const { A, B, A0, B0, m } = values;
  const { inFeatures, outFeatures } = target;
  const width = end - start;
  const r = A.length / inFeatures;
  const columns = (of: Float32Array): Float32Array =>
    Float32Array.from({ length: r * width }, (_, i) => of[Math.floor(i / width) * outFeatures + start + (i % width)]!);
  return {
    A,
    B: columns(B),
    ...(A0 && B0 && { A0, B0: columns(B0) }),
    ...(m && { m: m.slice(start, end) }),
  };
}

/** LoRA by other names: ranks and scales that patterns gave to some targets are now patterns of their names. */
export function renamedLora(config: LoraConfig, renamed: RenamedTargets): LoraOptions {
  const named = renamed.names.flatMap(({ target, names: all }) => all.map(name => [name, target] as const));
  const ranks = commonValue(
    named.map(([name, target]) => [name, rankOf(config, target)]),
    config.r,
  );
  const alphas = commonValue(
    named.map(([name, target]) => [name, patternValue(config.alphaPattern, target.path, config.alpha)]),
    config.alpha,
  );
  return {
    ...config,
    ...renamedOptions(renamed),
    r: ranks.common,
    alpha: alphas.common,
    rankPattern: ranks.exceptions,
    alphaPattern: alphas.exceptions,
  };
}
