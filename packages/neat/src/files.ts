import {
  check,
  fromFileOrder,
  fromFloat32,
  type JsonObject,
  option,
  type PeftAdapterFile,
  plainLayout,
  type ReadAdapter,
  readFields,
  type Target,
  type TargetValues,
  type TensorReader,
  targetFields,
  toFileOrder,
  value,
} from '@peft/core';
import type { Activation } from './activations.ts';
import { type NeatConfig, type NeatOptions, neatConfig, neatOptions } from './config.ts';
import { neatParameters } from './maths.ts';

/** Activations by their names in peft, which are transformers' (`ACT2FN`); the first of two is the one written. */
const activationsOfPeft: Record<string, Activation> = {
  relu: 'relu',
  gelu: 'gelu',
  gelu_python: 'gelu',
  silu: 'silu',
  swish: 'silu',
  linear: 'identity',
};

const peftName = (act: Activation): string | undefined =>
  Object.keys(activationsOfPeft).find(name => activationsOfPeft[name] === act);

/** `A` is `peanut_A.weight`, `E0` is `peanut_encoders.0.weight`; a slice keeps its brackets, which peft does not know. */
function tensorKey(target: Target, name: string): string {
  const [letter, index] = [name[0], name.slice(1)];
  const words: Record<string, string> = { E: `encoders.${index}`, F: `decoders.${index}` };
  return `${target.id}.peanut_${words[letter] ?? letter}.weight`;
}

/** Whether peft's `PEANUT` computes the same: whole modules, A on the outputs, an activation that transformers has. */
const isPeanut = (targets: readonly Target[], { act, side }: NeatConfig): boolean =>
  side === 'out' && peftName(act) !== undefined && targets.every(({ slice }) => !slice);

/**
 * An adapter as peft's `PEANUT`. What peft has no form for is stored in the same way, but as `peft_type` `NEAT`: Python
 * refuses it, rather than compute something else.
 */
export async function writeNeat(targetValues: TargetValues, config: NeatConfig): Promise<PeftAdapterFile> {
  const targets = targetValues.map(({ target }) => target);
  const tensors = targetValues.flatMap(({ target, values }) =>
    Object.entries(neatParameters(target, config)).map(([name, { shape, layout = plainLayout(shape) }]) => {
      const stored = fromFloat32(toFileOrder(values[name], layout), layout.shape);
      return [tensorKey(target, name), stored] as const;
    }),
  );
  return {
    tensors: new Map(tensors),
    config: {
      ...(!isPeanut(targets, config) && { peft_type: 'NEAT' }),
      ...targetFields(config, targets),
      r: config.r,
      depth: config.pairs,
      act_fn: peftName(config.act) ?? config.act,
      scaling: config.scale,
      init_weights: true,
    },
  };
}

const fields = {
  r: /* @__PURE__ */ option('Hidden width.', value.integer({ min: 1 }), 32),
  depth: neatOptions.pairs,
  act_fn: /* @__PURE__ */ option('The activation.', value.string(), 'relu'),
  scaling: neatOptions.scale,
};

/** The options that a config written by Python peft stands for. */
function optionsOf(config: JsonObject): NeatOptions {
  const { where, r, depth, act_fn: name, scaling } = readFields(config, fields);
  const act = Object.hasOwn(activationsOfPeft, name) ? activationsOfPeft[name] : undefined;
  check(
    act,
    'not-supported',
    () =>
      `This PEANuT's act_fn is ${JSON.stringify(name)}; implemented here: ${Object.keys(activationsOfPeft).join(', ')}.`,
  );
  return { ...where, r, pairs: depth, act, scale: scaling };
}

/** Reads peft's `PEANUT`, or what {@link writeNeat} wrote: the configuration, and the values target by target. */
export function readNeat(
  file: PeftAdapterFile,
  options?: NeatOptions,
): { config: NeatConfig } & Pick<ReadAdapter, 'values'> {
  const config = neatConfig(options ?? optionsOf(file.config));
  const values = (target: Target, _: readonly Target[], reader: TensorReader): Record<string, Float32Array> =>
    Object.fromEntries(
      Object.entries(neatParameters(target, config)).map(([name, { shape, layout = plainLayout(shape) }]) => {
        const stored = reader.take(tensorKey(target, name), layout.shape);
        return [name, fromFileOrder(stored, layout)];
      }),
    );
  return { config, values };
}
