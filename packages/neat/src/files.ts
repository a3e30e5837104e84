import { check, type JsonObject, type Target } from '@peft/core';
import {
  option,
  type PeftAdapterFile,
  readFields,
  type TargetValues,
  type TensorTable,
  targetFields,
  value,
  writeTable,
} from '@peft/core/method';
import type { Activation } from './activations.ts';
import { type NeatConfig, type NeatOptions, neatOptions } from './config.ts';

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
export const neatTable = (specs: TensorTable['specs']): TensorTable => ({
  specs,
  key: (id, name) => `${id}.peanut_${name.replace(/^E/, 'encoders.').replace(/^F/, 'decoders.')}.weight`,
});

/** Whether peft's `PEANUT` computes the same: whole modules, A on the outputs, an activation that transformers has. */
const isPeanut = (targets: readonly Target[], { act, side }: NeatConfig): boolean =>
  side === 'out' && peftName(act) !== undefined && targets.every(({ slice, named }) => named || !slice);

/**
 * An adapter as peft's `PEANUT`. What peft has no form for is stored in the same way, but as `peft_type` `NEAT`: Python
 * refuses it, rather than compute something else.
 */
export function neatFile(values: TargetValues, table: TensorTable, config: NeatConfig): PeftAdapterFile {
  const targets = values.map(({ target }) => target);
  return {
    tensors: writeTable(table, values),
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
export function optionsOf(config: JsonObject): NeatOptions {
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
