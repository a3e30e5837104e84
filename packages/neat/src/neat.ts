import {
  check,
  type Initializer,
  linear,
  linearDefault,
  type Method,
  type MethodFactory,
  type Target,
  zeros,
} from '@peft/core';
import {
  type DeltaCall,
  type LowRank,
  linearLayout,
  type ParameterSpec,
  type ParameterSpecs,
  type PeftAdapterFile,
  type ReadAdapter,
  readTable,
  renamedOptions,
  type Tensors,
} from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import { activations } from './activations.ts';
import { type NeatConfig, type NeatOptions, neatConfig, neatOptions } from './config.ts';
import { neatFile, neatTable, optionsOf } from './files.ts';

/*
 * NEAT (Zhong et al. 2024, arXiv 2410.01870; PEANuT since v3): the update of a frozen weight W0 `[in, out]` is a small
 * trained network f of that weight.
 *
 *     y = x W0 + b0 + s x f(W0)        f(W0) = h(W0) B        h(W0) = phi(W0 A)
 *
 * with A `[out, r]`, B `[r, out]`, and between them m pairs of an encoder E and a decoder F, `[r, r]`, joined by residuals.
 */

const matrix = (rows: number, columns: number, init: Initializer = linearDefault(rows)): ParameterSpec => ({
  shape: [rows, columns],
  init,
  layout: linearLayout(rows, columns),
});

/** A and B, and by name E0, F0, E1, F1, ... of the pairs. */
type NeatTensors = LowRank & Tensors;

/** The tensors of a target: A `[d, r]`, B `[r, d]`, and E0, F0, E1, F1, ... `[r, r]`, where d is the width of `side`. */
function neatParameters(target: Target, { r, pairs, side }: NeatConfig): ParameterSpecs<NeatTensors> {
  const d = side === 'out' ? target.outFeatures : target.inFeatures;
  const hidden = Array.from({ length: pairs }, (_, i) => [
    [`E${i}`, matrix(r, r)],
    [`F${i}`, matrix(r, r)],
  ]);
  const B = matrix(r, d, zeros);
  return { A: matrix(d, r), B: side === 'out' ? { ...B, perOutput: true } : B, ...Object.fromEntries(hidden.flat()) };
}

/**
 * All layers of f but the last: h(W0).
 *
 * @param w0 `[in, out]`
 * @returns `[in, r]`; with side `in`, `[out, r]`
 */
export function neatHidden(w0: tf.Tensor, parameters: NeatTensors, { pairs, act, side }: NeatConfig): tf.Tensor {
  const phi = activations[act];
  const layer = (name: string): tf.Tensor => {
    const weight = parameters[name];
    check(weight, 'missing', () => `neat: there is no tensor ${name}, but there are ${pairs} pairs.`);
    return weight;
  };
  const skips: tf.Tensor[] = [];
  let h = phi(tf.matMul(w0, parameters.A, side === 'in')); // phi(W0 A)
  for (let i = 0; i < pairs; i++) {
    skips.push(h);
    h = phi(tf.matMul(h, layer(`E${i}`)));
  }
  for (const [i, skip] of skips.reverse().entries()) {
    h = tf.add(phi(tf.matMul(h, layer(`F${i}`))), skip); // the residual comes after the activation
  }
  return h;
}

/** The update of a target's output, `[..., out]`: `s (x h) B`, which never builds dW. */
export function neatDelta(
  { x, parameters, weight }: Pick<DeltaCall<NeatTensors>, 'x' | 'parameters' | 'weight'>,
  config: NeatConfig,
) {
  const h = neatHidden(weight(), parameters, config);
  const B = tf.mul(parameters.B, config.scale);
  if (config.side === 'out') return linear(linear(x, h), B); // (x h) B
  return linear(linear(x, tf.transpose(B)), tf.transpose(h)); // (x B^T) h^T
}

/** `dW = s h B`, `[in, out]`; with side `in`, the transpose of that. */
export function neatDeltaWeight(
  { parameters, weight }: Pick<DeltaCall<NeatTensors>, 'parameters' | 'weight'>,
  config: NeatConfig,
) {
  const h = neatHidden(weight(), parameters, config);
  const B = tf.mul(parameters.B, config.scale);
  return config.side === 'out' ? tf.matMul(h, B) : tf.matMul(B, h, true, true);
}

/** The method that `neat` makes. */
export type NeatMethod = Method<NeatConfig, NeatTensors>;

/**
 * Nonlinear adaptation of linear modules: the update is a small network of the frozen weight.
 *
 * ```ts
 * await model.add('default', neat({ r: 7, pairs: 2, modulesToSave: ['head'] }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const neat: ((options?: NeatOptions) => NeatMethod) & MethodFactory<NeatOptions, NeatMethod> =
  /* @__PURE__ */ Object.assign(
    (options: NeatOptions = {}): NeatMethod => {
      const config = neatConfig(options);
      const parameters = (target: Target) => neatParameters(target, config);
      return {
        type: 'neat',
        config,
        targets: config,
        modulesToSave: config.modulesToSave,
        parameters,
        delta: call => neatDelta(call, config),
        rowwise: true,
        mergeable: true,
        deltaWeight: call => neatDeltaWeight(call, config),
        files: {
          peftType: 'PEANUT',
          write: async values => neatFile(values, neatTable(parameters), config),
          // f is not linear in W0, so the whole of a fused projection does not part.
          renamed: renamed =>
            renamed.names.every(({ names }) => names.length === 1)
              ? neat({ ...config, ...renamedOptions(renamed) })
              : undefined,
        },
      };
    },
    {
      type: 'neat',
      options: neatOptions,
      peftType: 'PEANUT',
      read(file: PeftAdapterFile, options?: NeatOptions): ReadAdapter {
        const method = neat(options ?? optionsOf(file.config));
        return { method, values: (...of) => readTable(neatTable(method.parameters), ...of) };
      },
    },
  );
