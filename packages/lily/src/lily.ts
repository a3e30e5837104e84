import { dims, linear, linearDefault, type Method, type MethodFactory, type Target, zeros } from '@peft/core';
import {
  type DeltaCall,
  isBlock,
  linearLayout,
  type ParameterSpecs,
  type PeftAdapterFile,
  plainLayout,
  type ReadAdapter,
  type RenamedTargets,
  renamedOptions,
  type Tensors,
} from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import { type LilyConfig, type LilyOptions, lilyConfig, lilyOptions } from './config.ts';
import { lilyFile, optionsOf, readValues } from './files.ts';
import { ownersOf } from './sharing.ts';

/*
 * Lily (Zhong et al. 2024, arXiv 2407.09946): low-rank adapters that are interconnected across layers. A down projection
 * A `[in, r]` is shared by neighboring layers, a pool of n up projections P_e `[r, out]`, the experts, by all layers, and
 * a router R `[r, n]` mixes them.
 *
 *     y = x W0 + b0 + s h (sum_e p_e P_e)        h = phi(x A)        p = softmax(h R)
 *
 * The experts are kept as one matrix P `[n r, out]`, one below the other. phi is the identity on a linear module; a block,
 * such as an MLP, is adapted as a whole, in parallel and with a ReLU.
 */

/** The rank r of a target. */
const rankOf = (target: Target, { r, mlpRankFactor }: LilyConfig): number => (isBlock(target) ? r * mlpRankFactor : r);

/** The tensors of a target: A `[in, r]`, P `[nB r, out]` and, unless mixing is uniform, R `[r, nB]`. */
type LilyTensors = Tensors<'A' | 'P'> & Partial<Tensors<'R'>>;

/** The method that `lily` makes. */
export type LilyMethod = Method<LilyConfig, LilyTensors>;

function lilyParameters(target: Target, targets: readonly Target[], config: LilyConfig): ParameterSpecs<LilyTensors> {
  const { nB, mixing } = config;
  const r = rankOf(target, config);
  const { inFeatures, outFeatures } = target;
  const owners = ownersOf(target, targets, config);
  const P = [nB * r, outFeatures];
  return {
    A: {
      shape: [inFeatures, r],
      init: linearDefault(inFeatures),
      layout: linearLayout(inFeatures, r),
      share: owners.A.id,
    },
    P: { shape: P, init: zeros, layout: plainLayout(P), share: owners.P.id },
    ...(mixing !== 'uniform' && {
      R: { shape: [r, nB], init: linearDefault(r), layout: linearLayout(r, nB), share: owners.R.id },
    }),
  };
}

const uniformWeights = (n: number): tf.Tensor => tf.fill([1, 1, n], 1 / n);

/**
 * The mixing weights of the experts.
 *
 * @param h `[B, N, r]`
 * @param R the router `[r, n]`; with mixing `uniform` there is none
 * @returns for each token `[B, N, n]`, each sample `[B, 1, n]`, or the whole batch `[1, 1, n]`
 */
export function mixingWeights(h: tf.Tensor, R: tf.Tensor | undefined, { mixing, pool, nB }: LilyConfig): tf.Tensor {
  if (mixing === 'uniform' || !R) return uniformWeights(nB);
  const z = linear(h, R); // [B, N, n]
  if (pool === 'softmax-of-sum') return tf.softmax(tf.sum(z, 1, true)); // p = softmax(sum_t z_t)
  const p = tf.softmax(z);
  if (mixing === 'token') return p;
  return tf.mean(p, mixing === 'sample' ? 1 : [0, 1], true); // p = mean_t softmax(z_t)
}

/** `sum_e p_e P_e`, one matrix for each sample or for all: p `[b, 1, n]`, P `[n r, out]` to `[b, r, out]`. */
function mixExperts(p: tf.Tensor, P: tf.Tensor): tf.Tensor {
  const [b, , n] = dims(p, 3);
  const experts = tf.reshape(P, [n, -1]); // [n, r * out]
  return tf.reshape(tf.matMul(tf.reshape(p, [b, n]), experts), [b, -1, P.shape[1]!]);
}

/** `sum_e p_e (h P_e)` for each token, with all outer products `p_e h` side by side in one multiplication. */
function mixTokens(h: tf.Tensor, p: tf.Tensor, P: tf.Tensor): tf.Tensor {
  const ph = tf.mul(tf.expandDims(p, -1), tf.expandDims(h, 2)); // [B, N, n, r]
  return linear(tf.reshape(ph, [...h.shape.slice(0, -1), P.shape[0]]), P); // [B, N, out]
}

/** `h = phi(x A)`, `[B, N, r]`. What lies between the first axis and the last are a sample's tokens. */
export function bottleneck(x: tf.Tensor, A: tf.Tensor, target: Target, { mlpAct }: LilyConfig): tf.Tensor {
  const h = linear(x, A);
  const phi = isBlock(target) && mlpAct === 'relu' ? tf.relu(h) : h;
  return tf.reshape(phi, [x.shape[0], -1, A.shape[1]!]);
}

/** The update of a target's output, `[..., out]`. */
export function lilyDelta(
  { x, parameters, target }: Pick<DeltaCall<LilyTensors>, 'x' | 'parameters' | 'target'>,
  config: LilyConfig,
): tf.Tensor {
  const { A, P, R } = parameters;
  const h = bottleneck(x, A, target, config);
  const p = mixingWeights(h, R, config);
  const sP = tf.mul(P, config.scale);
  const result = [...x.shape.slice(0, -1), P.shape[1]!];
  if (config.mixing === 'token') return tf.reshape(mixTokens(h, p, sP), result);
  const mixed = mixExperts(p, sP);
  const delta = mixed.shape[0] === 1 ? linear(h, tf.squeeze(mixed, [0])) : tf.matMul(h, mixed); // [B, N, out]
  return tf.reshape(delta, result);
}

/** `dW = s A mean_e P_e`, `[in, out]`: the update of a uniform mixing. */
export function lilyDeltaWeight({ A, P }: LilyTensors, { nB, scale }: LilyConfig): tf.Tensor {
  const mixed = mixExperts(uniformWeights(nB), tf.mul(P, scale));
  return tf.matMul(A, tf.squeeze(mixed, [0]));
}

const routed =
  'its router mixes the experts anew for every input, so that no one weight is the same. Only mixing "uniform" can be.';

/** What files hold: always a router, as in peft; that of a uniform mixing is zero. */
const stored =
  (config: LilyConfig): Method['parameters'] =>
  (target, targets) =>
    lilyParameters(target, targets, { ...config, mixing: 'batch' });

/**
 * The same by other names. Targets of one name share experts, so each must have a name of its own, and layers must have the
 * same.
 */
function renamedLily(config: LilyConfig, renamed: RenamedTargets): LilyMethod | undefined {
  const isNamed = renamed.names.every(({ names }) => names.length === 1);
  const areShared = renamed.targets.every(name => !name.includes('.'));
  return isNamed && areShared ? lily({ ...config, ...renamedOptions(renamed) }) : undefined;
}

/**
 * Low-rank adapters interconnected across layers: neighbors share A, all layers of a target share a pool of B, and routers
 * mix the pool.
 *
 * ```ts
 * await model.add('default', lily({ r: 16, nA: 2, nB: 2, modulesToSave: ['head'] }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const lily: ((options?: LilyOptions) => LilyMethod) & MethodFactory<LilyOptions, LilyMethod> =
  /* @__PURE__ */ Object.assign(
    (options: LilyOptions = {}): LilyMethod => {
      const config = lilyConfig(options);
      return {
        type: 'lily',
        config,
        targets: config,
        blocks: true,
        modulesToSave: config.modulesToSave,
        parameters: (target, targets) => lilyParameters(target, targets, config),
        delta: call => lilyDelta(call, config),
        rowwise: config.mixing === 'token' || config.mixing === 'uniform',
        ...(config.mixing === 'uniform'
          ? { mergeable: true, deltaWeight: ({ parameters }) => lilyDeltaWeight(parameters, config) }
          : { mergeable: { reason: routed } }),
        files: {
          peftType: 'LILY',
          write: async values => lilyFile(values, stored(config), config),
          renamed: renamed => renamedLily(config, renamed),
        },
      };
    },
    {
      type: 'lily',
      options: lilyOptions,
      peftType: 'LILY',
      read(file: PeftAdapterFile, options?: LilyOptions): ReadAdapter {
        const method = lily(options ?? optionsOf(file.config));
        return {
          method,
          values: (...of) => readValues(stored(method.config), method.config, ...of),
          isShared: key => /\.lily_[AB]\.weight$/.test(key),
        };
      },
    },
  );
