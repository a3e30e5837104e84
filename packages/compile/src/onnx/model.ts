import { check } from '@peft/core';
import {
  type Attribute,
  type Constant,
  type ElementType,
  elementCodes,
  type Graph,
  type GraphNode,
  type ValueInfo,
} from './graph.ts';
import { ProtoWriter } from './proto.ts';

/** Gelu needs opset 20; opset 21 is the first with IR version 10. */
const opset = 21;
const irVersion = 10;

/** A protocol buffer holds 2 GiB at most. */
const maxBytes = 1.9e9;

/** A tensor stored in the model. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface ModelOptions {
  /** Inputs of the graph that are stored in the model instead. */
  readonly initializers?: readonly Initializer[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Writes a graph as an ONNX model. Field numbers are those of `onnx.proto`. */
export function writeModel(
  graph: Graph,
  { initializers = [], metadata = {} }: ModelOptions = {},
): Uint8Array<ArrayBuffer> {
  const stored = new Set(initializers.map(({ name }) => name));
  const body = new ProtoWriter();
  for (const node of graph.nodes) body.message(1, writeNode(node));
  body.string(2, 'step');
  for (const constant of graph.constants) body.message(5, writeTensor({ ...constant, bytes: constantBytes(constant) }));
  for (const tensor of initializers) body.message(5, writeTensor(tensor));
  for (const input of graph.inputs) if (!stored.has(input.name)) body.message(11, writePort(input));
  for (const output of graph.outputs) body.message(12, writePort(output));
  check(
    body.size < maxBytes,
    'not-supported',
    () =>
      `The ONNX model would be ${(body.size / 1e9).toFixed(2)} GB, and one file holds at most ${maxBytes / 1e9} GB; ` +
      'external data is not supported. Export a smaller model.',
  );
  const domains = new Set(['', ...graph.nodes.map(({ domain }) => domain)]);
  const model = new ProtoWriter().int(1, irVersion).string(2, '@peft/compile').message(7, body);
  for (const domain of domains) model.message(8, new ProtoWriter().string(1, domain).int(2, domain === '' ? opset : 1));
  for (const [key, value] of Object.entries(metadata)) {
    model.message(14, new ProtoWriter().string(1, key).string(2, value));
  }
  return model.finish();
}

function writeNode({ op, domain, inputs, outputs, attributes }: GraphNode): ProtoWriter {
  const node = new ProtoWriter();
  for (const input of inputs) node.string(1, input);
  for (const output of outputs) node.string(2, output);
  node.string(3, outputs[0]).string(4, op);
  for (const [name, value] of Object.entries(attributes)) node.message(5, writeAttribute(name, value));
  return domain === '' ? node : node.string(7, domain);
}

function writeAttribute(name: string, value: Attribute): ProtoWriter {
  const attribute = new ProtoWriter().string(1, name);
  if (typeof value === 'number') return attribute.int(3, value).int(20, 2);
  if (typeof value === 'string') return attribute.string(4, value).int(20, 3);
  if (!Array.isArray(value)) return attribute.float(2, value.float).int(20, 1);
  for (const item of value) attribute.int(8, item);
  return attribute.int(20, 7);
}

function writeTensor({ name, type, shape, bytes }: Initializer): ProtoWriter {
  const tensor = new ProtoWriter();
  for (const size of shape) tensor.int(1, size);
  return tensor.int(2, elementCodes[type]).string(8, name).bytes(9, bytes);
}

function writePort({ name, type, shape }: ValueInfo): ProtoWriter {
  const dimensions = new ProtoWriter();
  for (const size of shape) {
    dimensions.message(
      1,
      typeof size === 'number' ? new ProtoWriter().int(1, size) : new ProtoWriter().string(2, size),
    );
  }
  const tensor = new ProtoWriter().int(1, elementCodes[type]).message(2, dimensions);
  return new ProtoWriter().string(1, name).message(2, new ProtoWriter().message(1, tensor));
}

/** The raw data of a constant: little endian, as ONNX demands and all supported machines are. */
function constantBytes({ type, values }: Constant): Uint8Array {
  if (type === 'bool' || type === 'uint8' || type === 'int8') return Uint8Array.from(values);
  if (type === 'float32') return new Uint8Array(Float32Array.from(values).buffer);
  if (type === 'int32') return new Uint8Array(Int32Array.from(values).buffer);
  return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
}
