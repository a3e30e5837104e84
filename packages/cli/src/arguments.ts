import { readFile } from 'node:fs/promises';
import { type Json, PeftError } from '@peft/core';
import * as v from 'valibot';
import { parse } from 'yaml';
import { parseSettings } from './settings.ts';

/** Wrong use of the command line: exit status 2. */
export class UsageError extends Error {}

const positive = v.pipe(v.number(), v.minValue(Number.MIN_VALUE, 'must be positive'));
const whole = v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(0, 'must not be negative'));
const atLeastOne = v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(1, 'must be 1 or more'));
const rate = v.pipe(v.number(), v.minValue(0, 'must be in [0, 1)'), v.maxValue(0.999999, 'must be in [0, 1)'));
const texts = v.union([
  v.array(v.string()),
  v.pipe(
    v.string(),
    v.transform(text => [text]),
  ),
]);

/** A method's options in a configuration file. */
const settings = v.record(
  v.string(),
  v.custom<Json>(() => true),
);

const methodSettings = v.union([v.pipe(v.array(v.string()), v.transform(parseSettings)), settings]);

/** What `compare` may be told of one of its methods alone, in a configuration file. */
const each = v.strictObject({
  lr: v.optional(positive),
  set: v.optional(methodSettings),
  targets: v.optional(texts),
  cacheFeatures: v.optional(positive),
});

/** Every argument that a flag or a configuration file may give. */
const schema = v.strictObject({
  backbone: v.optional(v.string()),
  weights: v.optional(v.string()),
  imageSize: v.optional(atLeastOne),
  data: v.optional(v.string()),
  split: v.optional(v.string()),
  evalSplit: v.optional(v.string()),
  method: v.optional(v.string()),
  methods: v.optional(texts),
  set: v.optional(methodSettings),
  each: v.optional(v.record(v.string(), each)),
  targets: v.optional(texts),
  engine: v.optional(v.picklist(['auto', 'onnx', 'webgpu', 'wasm', 'cpu']), 'auto'),
  provider: v.optional(v.picklist(['cpu', 'webgpu', 'cuda']), 'cpu'),
  threads: v.optional(atLeastOne),
  frozenDtype: v.optional(v.picklist(['f32', 'f16']), 'f32'),
  seed: v.optional(whole, 42),
  seeds: v.optional(atLeastOne, 1),
  json: v.optional(v.boolean(), false),
  quiet: v.optional(v.boolean(), false),
  debug: v.optional(v.boolean(), false),
  out: v.optional(v.string()),
  epochs: v.optional(atLeastOne),
  steps: v.optional(atLeastOne),
  batch: v.optional(atLeastOne),
  lr: v.optional(positive),
  weightDecay: v.optional(v.pipe(v.number(), v.minValue(0, 'must not be negative'))),
  schedule: v.optional(v.picklist(['constant', 'cosine', 'linear', 'timm-0.4.12'])),
  warmup: v.optional(whole),
  dropPath: v.optional(rate),
  smoothing: v.optional(rate),
  clip: v.optional(positive),
  augment: v.optional(v.picklist(['none', 'vtab', 'flip-crop'])),
  shuffle: v.optional(v.boolean(), true),
  initAdapter: v.optional(v.string()),
  /** `force` goes on although the run differs from the one that was stopped. */
  resume: v.optional(v.union([v.boolean(), v.literal('force', 'takes no value, or force')]), false),
  preset: v.optional(v.picklist(['vtab1k', 'neat-image'])),
  accumulate: v.optional(atLeastOne),
  checkpointEvery: v.optional(atLeastOne),
  /** Gigabytes; a flag without a number is 4. */
  cacheFeatures: v.optional(
    v.union([
      positive,
      v.pipe(
        v.boolean(),
        v.transform(on => (on ? 4 : undefined)),
      ),
    ]),
  ),
  checkpointing: v.optional(v.boolean(), false),
  adapter: v.optional(v.string()),
  reference: v.optional(v.string()),
  tensors: v.optional(v.string()),
  calibrate: v.optional(v.string()),
  bare: v.optional(v.boolean(), false),
  top: v.optional(atLeastOne, 5),
  report: v.optional(v.string()),
  format: v.optional(v.string(), 'onnx'),
  keepAdapters: v.optional(v.boolean(), false),
  runs: v.optional(atLeastOne),
  skipBroken: v.optional(v.boolean(), false),
  maxPixels: v.optional(atLeastOne),
  yes: v.optional(v.boolean(), false),
});

export type Arguments = v.InferOutput<typeof schema>;

async function readConfig(path: string): Promise<object> {
  try {
    const config: unknown = parse(await readFile(path, 'utf8'));
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config;
  } catch (cause) {
    throw new PeftError('bad-file', `Cannot read the configuration ${path}: ${(cause as Error).message}`, { cause });
  }
  throw new PeftError('bad-file', `The configuration ${path} must be a JSON or YAML object of arguments.`);
}

const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;

/** Flags over the configuration file's arguments, checked. */
export async function readArguments({
  config,
  ...flags
}: { config?: string } & Record<string, unknown>): Promise<Arguments> {
  const file = config === undefined ? {} : await readConfig(config);
  const result = v.safeParse(schema, { ...file, ...flags });
  if (result.success) return result.output;
  const lines = result.issues.map(issue => `${flagOf(v.getDotPath(issue) ?? '')}: ${issue.message}`);
  throw new UsageError(lines.join('\n'));
}

/** An argument that this command cannot do without. */
export function required<K extends keyof Arguments>(args: Arguments, name: K): NonNullable<Arguments[K]> {
  const value = args[name];
  if (value === undefined || value === null) throw new UsageError(`${flagOf(name)} is needed.`);
  return value;
}
