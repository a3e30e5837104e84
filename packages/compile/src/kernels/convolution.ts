import { check } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../onnx/graph.ts';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import { add, mul, scalar, sub, unary } from './elementwise.ts';
import type { Kernel, KernelTable } from './kernel.ts';

/** TensorFlow's order of axes is rows, columns, channels; ONNX has channels first, and filters [out, in, H, W]. */
const toChannelsFirst = [0, 3, 1, 2];
const toChannelsLast = [0, 2, 3, 1];
const channelsAsBatch = [3, 0, 1, 2];
const filterToOnnx = [3, 2, 0, 1];

const permuted = (r: Recorder, x: Value, perm: number[]): Value =>
  r.emit('Transpose', [x], { shape: perm.map(axis => x.shape[axis]), dtype: x.dtype }, { perm });

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

const pads = ({ padInfo: { top, left, bottom, right } }: Geometry): number[] => [top, left, bottom, right];

const windowAttributes = (info: Geometry): Attributes => ({
  strides: [info.strideHeight, info.strideWidth],
  dilations: [info.dilationHeight, info.dilationWidth],
  pads: pads(info),
});

/** Runs a node that wants channels first on a value that has them last. */
function channelsLast(
  r: Recorder,
  op: string,
  x: Value,
  weights: Value[],
  info: Geometry,
  attributes: Attributes,
): Value {
  const [n, h, w, c] = info.outShape;
  const made = r.emit(op, [permuted(r, x, toChannelsFirst), ...weights], { shape: [n, c, h, w] }, attributes);
  return permuted(r, made, toChannelsLast);
}

const conv2d: Kernel<tf.Conv2DAttrs> = ({ x, filter }, attributes, r) => {
  const info = geometry(x.shape, filter.shape, attributes);
  return channelsLast(r, 'Conv', x, [permuted(r, filter, filterToOnnx)], info, windowAttributes(info));
};

/** Filters [H, W, C, M] of C groups become [C M, 1, H, W]. */
const depthwiseConv2d: Kernel<tf.DepthwiseConv2dNativeAttrs> = ({ x, filter }, attributes, r) => {
  const info = geometry(x.shape, filter.shape, attributes, true);
  const [height, width, channels, multiplier] = filter.shape;
  const weights = r.reshape(permuted(r, filter, [2, 3, 0, 1]), [channels * multiplier, 1, height, width]);
  return channelsLast(r, 'Conv', x, [weights], info, { ...windowAttributes(info), group: channels });
};

const conv2dBackpropInput: Kernel<tf.Conv2DBackpropInputAttrs> = ({ dy, filter }, attributes, r) => {
  const info = geometry(attributes.inputShape, filter.shape, attributes);
  const [top, left, bottom, right] = pads(info);
  const reached = [
    (info.outHeight - 1) * info.strideHeight - top - bottom + info.effectiveFilterHeight,
    (info.outWidth - 1) * info.strideWidth - left - right + info.effectiveFilterWidth,
  ];
  // Rows and columns at the end that no window reached.
  const padding = [info.inHeight - reached[0], info.inWidth - reached[1]];
  const made = { ...info, outShape: attributes.inputShape };
  const options = { ...windowAttributes(info), output_padding: padding };
  return channelsLast(r, 'ConvTranspose', dy, [permuted(r, filter, filterToOnnx)], made, options);
};

/** The convolution of x with dy, channels as batch: dy's elements are `stride` apart. */
const conv2dBackpropFilter: Kernel<tf.Conv2DBackpropFilterAttrs> = ({ x, dy }, attributes, r) => {
  const { filterShape } = attributes;
  const info = geometry(x.shape, filterShape, attributes);
  const [top, left, bottom, right] = pads(info);
  const [height, width, inputs, outputs] = filterShape;
  const full = [
    info.inHeight + top + bottom - (info.outHeight - 1) * info.strideHeight,
    info.inWidth + left + right - (info.outWidth - 1) * info.strideWidth,
  ];
  const parts = [permuted(r, x, channelsAsBatch), permuted(r, dy, channelsAsBatch)];
  const dilations = [info.strideHeight, info.strideWidth];
  const all = r.emit('Conv', parts, { shape: [inputs, outputs, ...full] }, { pads: pads(info), dilations });
  const crop = [r.ints([0, 0]), r.ints([height, width]), r.ints([2, 3])];
  const cropped = r.emit('Slice', [all, ...crop], { shape: [inputs, outputs, height, width] });
  return permuted(r, cropped, [2, 3, 0, 1]);
};

const pool =
  (op: string): Kernel<tf.MaxPoolAttrs> =>
  ({ x }, { filterSize, strides, pad, dimRoundingMode }, r) => {
    const info = tf.backend_util.computePool2DInfo(x.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
    const attributes = { strides: [info.strideHeight, info.strideWidth], pads: pads(info) };
    return channelsLast(r, op, x, [], info, { ...attributes, kernel_shape: [info.filterHeight, info.filterWidth] });
  };

/** scale (x - mean) / sqrt(variance + epsilon) + offset. */
const batchNorm: Kernel<tf.FusedBatchNormAttrs> = ({ x, mean, variance, scale, offset }, { varianceEpsilon }, r) => {
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
