import { check, dims } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../onnx/graph.ts';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import { add, mul, scalar, sub, unary } from './elementwise.ts';
import type { Kernel, KernelTable, Values } from './kernel.ts';
import { permuted, slice } from './shape.ts';

/** TensorFlow orders axes as rows, columns, channels. ONNX has channels first, and filters [out, in, H, W]. */
const toChannelsFirst = [0, 3, 1, 2];
const toChannelsLast = [0, 2, 3, 1];
const channelsAsBatch = [3, 0, 1, 2];
const filterToOnnx = [3, 2, 0, 1];

type Geometry = tf.backend_util.Conv2DInfo;
type Shape4D = [number, number, number, number];

interface ConvolutionAttributes extends Pick<tf.Conv2DAttrs, 'strides' | 'pad' | 'dimRoundingMode'> {
  dataFormat?: 'NHWC' | 'NCHW';
  dilations?: [number, number] | number;
}

function geometry(input: number[], filter: number[], attributes: ConvolutionAttributes, depthwise = false): Geometry {
  const { strides, pad, dataFormat = 'NHWC', dilations = 1, dimRoundingMode } = attributes;
  check(dataFormat === 'NHWC', 'not-supported', () => `conv2d: ${dataFormat} cannot be recorded; use NHWC.`);
  const shapes = [input as Shape4D, filter as Shape4D] as const;
  return tf.backend_util.computeConv2DInfo(...shapes, strides, dilations, pad, dimRoundingMode, depthwise);
}

type Pads = [top: number, left: number, bottom: number, right: number];

const pads = ({ padInfo: { top, left, bottom, right } }: Geometry): Pads => [top, left, bottom, right];

/** The attributes of a window that moves over rows and columns. */
type WindowAttributes = Attributes & { pads: Pads; strides?: [down: number, across: number] };

const windowAttributes = (info: Geometry): WindowAttributes => ({
  strides: [info.strideHeight, info.strideWidth],
  dilations: [info.dilationHeight, info.dilationWidth],
  pads: pads(info),
});

type Maker = (x: Value, made: { shape: Shape4D }) => Value;

/** Runs a node that needs channels first on a value that has them last. */
function channelsLast(r: Recorder, x: Value, [n, h, w, c]: Shape4D, make: Maker): Value {
  return permuted(r, make(permuted(r, x, toChannelsFirst), { shape: [n, c, h, w] }), toChannelsLast);
}

/**
 * Convolves `x` with `filter`, both with channels first. ONNX Runtime 1.30 on WebGPU computes a single product if the filter is as
 * large as the input, even where padding at the end makes room for more windows. Another window of padding at the start avoids that,
 * and is cut off.
 */
function convolution(
  r: Recorder,
  x: Value,
  filter: Value,
  made: { shape: Shape4D },
  attributes: WindowAttributes,
): Value {
  const [top, left, bottom, right] = attributes.pads;
  const isWhole = tf.util.arraysEqual(x.shape.slice(2), filter.shape.slice(2));
  if (!r.portable || !isWhole || top + left > 0 || bottom + right === 0) {
    return r.emit('Conv', [x, filter], made, attributes);
  }
  const [n, c, h, w] = made.shape;
  const [down, across] = attributes.strides ?? [1, 1];
  const wider = { ...attributes, pads: [down, across, bottom, right] };
  const all = r.emit('Conv', [x, filter], { shape: [n, c, h + 1, w + 1] }, wider);
  return slice(r, all, [0, 0, 1, 1], made.shape);
}

const conv2d: Kernel<Values<'x' | 'filter'>, tf.Conv2DAttrs> = ({ x, filter }, attributes, r) => {
  const info = geometry(x.shape, filter.shape, attributes);
  const weights = permuted(r, filter, filterToOnnx);
  return channelsLast(r, x, info.outShape, (first, made) =>
    convolution(r, first, weights, made, windowAttributes(info)),
  );
};

/** Filters [H, W, C, M] of C groups become [C M, 1, H, W]. */
const depthwiseConv2d: Kernel<Values<'x' | 'filter'>, tf.DepthwiseConv2dNativeAttrs> = (
  { x, filter },
  attributes,
  r,
) => {
  const info = geometry(x.shape, filter.shape, attributes, true);
  const [height, width, channels, multiplier] = dims(filter, 4);
  const weights = r.reshape(permuted(r, filter, [2, 3, 0, 1]), [channels * multiplier, 1, height, width]);
  const options = { ...windowAttributes(info), group: channels };
  return channelsLast(r, x, info.outShape, (first, made) => convolution(r, first, weights, made, options));
};

const conv2dBackpropInput: Kernel<Values<'dy' | 'filter'>, tf.Conv2DBackpropInputAttrs> = (
  { dy, filter },
  attributes,
  r,
) => {
  const info = geometry(attributes.inputShape, filter.shape, attributes);
  const [top, left, bottom, right] = pads(info);
  const rows = (info.outHeight - 1) * info.strideHeight - top - bottom + info.effectiveFilterHeight;
  const columns = (info.outWidth - 1) * info.strideWidth - left - right + info.effectiveFilterWidth;
  // No window reaches these rows and columns at the end.
  const padding = [info.inHeight - rows, info.inWidth - columns];
  const options = { ...windowAttributes(info), output_padding: padding };
  const weights = permuted(r, filter, filterToOnnx);
  return channelsLast(r, dy, attributes.inputShape, (first, made) =>
    r.emit('ConvTranspose', [first, weights], made, options),
  );
};

/** The convolution of x with dy, channels as batch: dy's elements are `stride` apart. */
const conv2dBackpropFilter: Kernel<Values<'x' | 'dy'>, tf.Conv2DBackpropFilterAttrs> = ({ x, dy }, attributes, r) => {
  const { filterShape } = attributes;
  const info = geometry(x.shape, filterShape, attributes);
  const [top, left, bottom, right] = pads(info);
  const [height, width, inputs, outputs] = filterShape;
  const full: Shape4D = [
    inputs,
    outputs,
    info.inHeight + top + bottom - (info.outHeight - 1) * info.strideHeight,
    info.inWidth + left + right - (info.outWidth - 1) * info.strideWidth,
  ];
  const [pictures, gradients] = [permuted(r, x, channelsAsBatch), permuted(r, dy, channelsAsBatch)];
  const options = { pads: pads(info), dilations: [info.strideHeight, info.strideWidth] };
  const all = convolution(r, pictures, gradients, { shape: full }, options);
  const crop = [r.ints([0, 0]), r.ints([height, width]), r.ints([2, 3])];
  const cropped = r.emit('Slice', [all, ...crop], { shape: [inputs, outputs, height, width] });
  return permuted(r, cropped, [2, 3, 0, 1]);
};

const pool =
  (op: string): Kernel<Values<'x'>, tf.MaxPoolAttrs> =>
  ({ x }, { filterSize, strides, pad, dimRoundingMode }, r) => {
    const info = tf.backend_util.computePool2DInfo(x.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
    const attributes = { strides: [info.strideHeight, info.strideWidth], pads: pads(info) };
    const options = { ...attributes, kernel_shape: [info.filterHeight, info.filterWidth] };
    return channelsLast(r, x, info.outShape, (first, made) => r.emit(op, [first], made, options));
  };

/** scale (x - mean) / sqrt(variance + epsilon) + offset. */
type Normalized = Values<'x' | 'mean' | 'variance'> & { scale?: Value; offset?: Value };

const batchNorm: Kernel<Normalized, tf.FusedBatchNormAttrs> = (
  { x, mean, variance, scale, offset },
  { varianceEpsilon },
  r,
) => {
  const deviation = unary(r, 'Sqrt', add(r, variance, scalar(r, varianceEpsilon, variance)));
  const inverse = unary(r, 'Reciprocal', deviation);
  const scaled = mul(r, sub(r, x, mean), scale ? mul(r, inverse, scale) : inverse);
  return offset ? add(r, scaled, offset) : scaled;
};

export const convolutionKernels: KernelTable = {
  Conv2D: conv2d,
  Conv2DBackpropInput: conv2dBackpropInput,
  Conv2DBackpropFilter: conv2dBackpropFilter,
  DepthwiseConv2dNative: depthwiseConv2d,
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  FusedBatchNorm: batchNorm,
};
