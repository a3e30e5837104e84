import { float } from '../onnx/graph.ts';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import { add, mul, scalar, sub, unary } from './elementwise.ts';
import type { Kernel, KernelTable, Values } from './kernel.ts';
import { matMul } from './matmul.ts';
import { quantizedInputGrad, quantizedLinear } from './quantized.ts';
import { logSoftmax, reduce } from './reduce.ts';

/** The fused ops of `@peft/core` by kernel name. The references there have the equations. */

/** `[..., d]` as `[N, d]` */
const rowsOf = (r: Recorder, x: Value): Value => {
  const width = x.shape.at(-1)!;
  return r.reshape(x, [x.shape.slice(0, -1).reduce((a, b) => a * b, 1), width]);
};

const linear: Kernel<Values<'x' | 'weight'> & { bias?: Value }> = ({ x, weight, bias }, _, r) => {
  const y = weight.quantized
    ? quantizedLinear(r, rowsOf(r, x), weight.quantized, bias)
    : matMul(r, rowsOf(r, x), weight, { bias });
  return r.reshape(y, [...x.shape.slice(0, -1), weight.shape[1]!]);
};

const linearInputGrad: Kernel<Values<'dy' | 'weight'>> = ({ dy, weight }, _, r) => {
  const dx = weight.quantized
    ? quantizedInputGrad(r, rowsOf(r, dy), weight.quantized)
    : matMul(r, rowsOf(r, dy), weight, { transposeB: true });
  return r.reshape(dx, [...dy.shape.slice(0, -1), weight.shape[0]!]);
};

const layerNorm: Kernel<Values<'x' | 'gamma' | 'beta'>, { epsilon: number }> = ({ x, gamma, beta }, { epsilon }, r) => {
  const statistics = { shape: [...x.shape.slice(0, -1), 1] };
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  return r.emitMany('LayerNormalization', [x, gamma, beta], [{ shape: x.shape }, statistics, statistics], attributes);
};

const layerNormGrad: Kernel<Values<'dy' | 'x' | 'gamma' | 'mean' | 'inverseStd'>> = (
  { dy, x, gamma, mean, inverseStd },
  _,
  r,
) => {
  const normalized = mul(r, sub(r, x, mean), inverseStd);
  const g = mul(r, dy, gamma);
  const average = (v: Value) => reduce(r, 'ReduceMean', v, -1, true);
  const projection = mul(r, normalized, average(mul(r, g, normalized)));
  return mul(r, sub(r, sub(r, g, average(g)), projection), inverseStd);
};

const gelu: Kernel<Values<'x'>, { approximate: string }> = ({ x }, { approximate }, r) =>
  unary(r, 'Gelu', x, x.dtype, { approximate });

type GeluGradInputs = Values<'dy' | 'x'>;

type Maths = Record<'square' | 'tanh' | 'erf' | 'exp', (x: Value) => Value> & {
  times(x: Value, factor: number): Value;
  plus(x: Value, term: number): Value;
};

const maths = (r: Recorder): Maths => ({
  square: x => mul(r, x, x),
  tanh: x => unary(r, 'Tanh', x),
  erf: x => unary(r, 'Erf', x),
  exp: x => unary(r, 'Exp', x),
  times: (x, factor) => mul(r, x, scalar(r, factor, x)),
  plus: (x, term) => add(r, x, scalar(r, term, x)),
});

/**
 * With u = x / sqrt 2: dy ((1 + erf u) / 2 + u exp(-u^2) / sqrt pi). Each node is a pass over memory, so two tricks save nodes: the
 * factor of the exponential moves into its exponent, and (1 + erf u) / 2 is the linear part of a hard sigmoid.
 */
function geluGradExact({ dy, x }: GeluGradInputs, r: Recorder): Value {
  const { square, erf, exp, times } = maths(r);
  const u = times(x, Math.SQRT1_2);
  const phi = unary(r, 'HardSigmoid', erf(u), x.dtype, { alpha: float(0.5), beta: float(0.5) });
  const bell = exp(sub(r, scalar(r, -Math.log(Math.PI) / 2, x), square(u)));
  return mul(r, dy, add(r, phi, mul(r, u, bell)));
}

function geluGradTanh({ dy, x }: GeluGradInputs, r: Recorder): Value {
  const { square, tanh, times, plus } = maths(r);
  const scale = Math.sqrt(2 / Math.PI);
  const squared = square(x);
  const t = tanh(times(mul(r, x, plus(times(squared, 0.044715), 1)), scale));
  const dInner = times(plus(times(squared, 3 * 0.044715), 1), scale);
  const slope = mul(r, mul(r, x, sub(r, scalar(r, 1, x), square(t))), dInner);
  return mul(r, dy, times(add(r, plus(t, 1), slope), 0.5));
}

const geluGrad: Kernel<GeluGradInputs, { approximate: string }> = (inputs, { approximate }, r) =>
  approximate === 'tanh' ? geluGradTanh(inputs, r) : geluGradExact(inputs, r);

const attention: Kernel<Values<'q' | 'k' | 'v'> & { bias?: Value }, { scale: number }> = (
  { q, k, v, bias },
  { scale },
  r,
) => {
  const logits = matMul(r, q, k, { transposeB: true, alpha: scale }); // [B, H, N, M]
  const biased = bias ? add(r, logits, bias) : logits;
  const p = r.emit('Softmax', [biased], { shape: logits.shape }, { axis: -1 });
  return [matMul(r, p, v), p];
};

const attentionGrad: Kernel<Values<'dy' | 'q' | 'k' | 'v' | 'o' | 'p'>, { scale: number }> = (
  { dy, q, k, v, o, p },
  { scale },
  r,
) => {
  const d = reduce(r, 'ReduceSum', mul(r, dy, o), -1, true); // [B, H, N, 1]
  const ds = mul(r, p, sub(r, matMul(r, dy, v, { transposeB: true }), d)); // [B, H, N, M]
  return [
    matMul(r, ds, k, { alpha: scale }),
    matMul(r, ds, q, { transposeA: true, alpha: scale }),
    matMul(r, p, dy, { transposeA: true }),
    ds,
  ];
};

const softmaxCrossEntropy: Kernel<Values<'logits' | 'target'>> = ({ logits, target }, _, r) => {
  const logP = logSoftmax(r, logits);
  const loss = unary(r, 'Neg', reduce(r, 'ReduceSum', mul(r, target, logP), -1));
  return [loss, unary(r, 'Exp', logP)];
};

export const fusedKernels: KernelTable = {
  PeftLinear: linear,
  PeftLinearInputGrad: linearInputGrad,
  PeftLayerNorm: layerNorm,
  PeftLayerNormGrad: layerNormGrad,
  PeftGelu: gelu,
  PeftGeluGrad: geluGrad,
  PeftAttention: attention,
  PeftAttentionGrad: attentionGrad,
  PeftSoftmaxCrossEntropy: softmaxCrossEntropy,
};
