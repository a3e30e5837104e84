import { largestInt8, smallestMagnitude } from '@peft/core/engine';
import { elementCodes } from '../onnx/graph.ts';
import type { Made, Recorder } from '../record/recorder.ts';
import type { QuantizedInputs, Stored, Value } from '../record/value.ts';
import { add, mul, unary } from './elementwise.ts';
import { reduce } from './reduce.ts';

/*
 * Products with a weight W = Q s that is kept in 8 bits, as `linear` of `@peft/core` defines them. MatMulIntegerToFloat multiplies the
 * integers and scales the columns in one pass. Its kernels for AMX, VNNI and wasm take unsigned by signed bytes, so that rows have a
 * zero point of 128.
 */

const zeroPoint = 128;

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
  const scale = r.emit('Div', [magnitude, r.graph.constant('float32', [], [largestInt8])], made);
  const zeros = r.portable
    ? zeroPointsLike(r, scale)
    : r.graph.constant('uint8', [rows, 1], new Array<number>(rows).fill(zeroPoint));
  // A block is a row: of all forms of a scale for each row, ONNX Runtime is fastest with this one.
  const attributes = { axis: 1, block_size: width };
  const [bytes] = r.graph.node('QuantizeLinear', [r.full(x), r.full(scale), zeros], attributes);
  return { bytes, scale };
}

/** A zero point for each row, however many there will be. */
function zeroPointsLike(r: Recorder, scale: Value): string {
  const zero = r.emit('Mul', [scale, r.graph.constant('float32', [], [0])], scale);
  const points = r.emit('Add', [zero, r.graph.constant('float32', [], [zeroPoint])], scale);
  return r.graph.node('Cast', [points.name], { to: elementCodes.uint8 })[0];
}

/** Integer product of rounded rows `[N, K]` and bytes `[K, M]`, with the scales of rows and columns. */
function product(r: Recorder, { bytes, scale }: RoundedRows, weight: Stored, scales?: Stored): Value {
  const one = r.graph.constant('float32', [], [1]);
  const inputs = [bytes, weight.name, one, scales?.name ?? one, r.graph.constant('uint8', [], [zeroPoint])];
  const made = { shape: [scale.shape[0]!, weight.shape[1]!] };
  const scaled = r.portable
    ? portableProduct(r, bytes, weight.name, made, scales)
    : r.emit('MatMulIntegerToFloat', inputs, made, {}, 'com.microsoft');
  return mul(r, scaled, scale);
}

/** The same of standard operators. */
function portableProduct(r: Recorder, bytes: string, weight: string, made: Made, scales?: Stored): Value {
  const zero = r.graph.constant('uint8', [], [zeroPoint]);
  const [sums] = r.graph.node('MatMulInteger', [bytes, weight, zero]);
  const [wide] = r.graph.node('Cast', [sums], { to: elementCodes.float32 });
  const unscaled = r.value(wide, made);
  return scales ? mul(r, unscaled, r.value(scales.name, scales)) : unscaled;
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
