import type { Recorder } from '../record/recorder.ts';
import type { QuantizedInputs, Stored, Value } from '../record/value.ts';
import { add, mul, unary } from './elementwise.ts';
import { reduce } from './reduce.ts';

/*
 * Products with a weight W = Q s that is kept in 8 bits, as `linear` of `@peft/core` defines them. MatMulIntegerToFloat multiplies the
 * integers and scales the columns in one pass. Its kernels for AMX, VNNI and wasm take unsigned by signed bytes, so that rows have a
 * zero point of 128.
 */

const zeroPoint = 128;
const largest = 127;

/** Below it a row counts as zero. */
const smallestMagnitude = 1e-30;

interface RoundedRows {
  /** Unsigned bytes `[N, d]`. */
  readonly bytes: string;
  /** `[N, 1]` */
  readonly scale: Value;
}

/** Rounds each row of x `[N, d]` to 8 bits by its largest magnitude. */
function roundRows(r: Recorder, x: Value): RoundedRows {
  const [rows, width] = x.shape as [number, number];
  const most = reduce(r, 'ReduceMax', x, 1, true);
  const least = unary(r, 'Neg', reduce(r, 'ReduceMin', x, 1, true));
  const made = { shape: [rows, 1] };
  const magnitude = r.emit('Max', [most, least, r.graph.constant('float32', [], [smallestMagnitude])], made);
  const scale = r.emit('Div', [magnitude, r.graph.constant('float32', [], [largest])], made);
  const zeros = r.graph.constant('uint8', [rows, 1], new Array<number>(rows).fill(zeroPoint));
  // A block is a row: of all forms of a scale for each row, ONNX Runtime is fastest with this one.
  const attributes = { axis: 1, block_size: width };
  const [bytes] = r.graph.node('QuantizeLinear', [r.full(x), r.full(scale), zeros], attributes);
  return { bytes, scale };
}

/** Integer product of rounded rows `[N, K]` and bytes `[K, M]`, with the scales of rows and columns. */
function product(r: Recorder, { bytes, scale }: RoundedRows, weight: Stored, scales?: Stored): Value {
  const one = r.graph.constant('float32', [], [1]);
  const inputs = [bytes, weight.name, one, scales?.name ?? one, r.graph.constant('uint8', [], [zeroPoint])];
  const made = { shape: [scale.shape[0]!, weight.shape[1]!] };
  const unscaled = r.emit('MatMulIntegerToFloat', inputs, made, {}, 'com.microsoft');
  return mul(r, unscaled, scale);
}

/** `x W + b` with x `[N, in]` rounded. */
export function quantizedLinear(r: Recorder, x: Value, { values, scales }: QuantizedInputs, bias?: Value): Value {
  const y = product(r, roundRows(r, x), values, scales);
  return bias ? add(r, y, bias) : y;
}

/** `dy W^T` with dy s `[N, out]` rounded. */
export function quantizedInputGrad(r: Recorder, dy: Value, { transposed, scales }: QuantizedInputs): Value {
  const scaled = mul(r, dy, r.value(scales.name, scales));
  return product(r, roundRows(r, scaled), transposed);
}

/** The float32 numbers of a weight in 8 bits; `values` may be a name for the same bytes. */
export function dequantized(
  r: Recorder,
  { values: { name, shape }, scales }: QuantizedInputs,
  values: string = name,
): string {
  const columns = shape[1]!;
  // Without zero points, an optimizer of ONNX Runtime adds one of a wrong shape.
  const zeros = r.graph.constant('int8', [columns], new Array<number>(columns).fill(0));
  return r.graph.node('DequantizeLinear', [values, scales.name, zeros], { axis: 1 })[0];
}
