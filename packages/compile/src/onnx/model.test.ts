import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { float, Graph } from './graph.ts';
import { writeModel } from './model.ts';
import { ProtoWriter } from './proto.ts';

const hex = (writer: ProtoWriter): string => Buffer.from(writer.finish()).toString('hex');

test('fields are encoded as protobuf.dev shows', () => {
  expect(hex(new ProtoWriter().int(1, 150))).toBe('089601');
  expect(hex(new ProtoWriter().string(2, 'testing'))).toBe('120774657374696e67');
  expect(hex(new ProtoWriter().message(3, new ProtoWriter().int(1, 150)))).toBe('1a03089601');
  expect(hex(new ProtoWriter().int(1, -2))).toBe('08feffffffffffffffff01');
  expect(hex(new ProtoWriter().float(1, 1))).toBe('0d0000803f');
});

test('equal nodes and constants are one, and what no output needs is none', () => {
  const graph = new Graph();
  const x = graph.input({ name: 'x', type: 'float32', shape: [2] });
  graph.input({ name: 'unused', type: 'float32', shape: [2] });
  const one = () => graph.constant('float32', [], [1]);
  const [a] = graph.node('Add', [x, one()]);
  const [b] = graph.node('Add', [x, one()]);
  graph.node('Mul', [x, graph.constant('float32', [], [-0])]);
  graph.constant('float32', [], [0]);
  expect(a).toBe(b);
  expect(graph.constants).toHaveLength(3);
  for (const [name, value] of Object.entries({ y: a, again: b, given: x })) {
    graph.output(value, { name, type: 'float32', shape: [2] });
  }
  const [c] = graph.node('Neg', [a]);
  graph.output(c, { name: 'z', type: 'float32', shape: [2] });
  graph.finish();
  expect(graph.nodes.map(({ op, inputs, outputs }) => [op, inputs[0], outputs[0]])).toEqual([
    ['Add', 'x', 'y'],
    ['Identity', 'y', 'again'],
    ['Identity', 'x', 'given'],
    ['Neg', 'y', 'z'],
  ]);
  expect([graph.inputs.length, graph.constants.length]).toEqual([1, 1]);
});

test('ONNX Runtime reads constants of all types, attributes of all kinds, and non-finite numbers', async () => {
  const graph = new Graph();
  const x = graph.input({ name: 'x', type: 'float32', shape: ['n', 2] });
  const [sliced] = graph.node('Slice', [
    x,
    graph.constant('int64', [1], [-1]),
    graph.constant('int64', [1], [2 ** 40]),
  ]);
  const [turned] = graph.node('Transpose', [sliced], { perm: [1, 0] });
  const [steep] = graph.node('LeakyRelu', [turned], { alpha: float(0.5) });
  const mask = graph.constant('bool', [2, 1], [1, 0]);
  const [chosen] = graph.node('Where', [mask, steep, graph.constant('float32', [], [Number.NEGATIVE_INFINITY])]);
  const [rounded] = graph.node('Gelu', [chosen], { approximate: 'none' });
  graph.output(chosen, { name: 'y', type: 'float32', shape: [2, 1] });
  graph.output(rounded, { name: 'z', type: 'float32', shape: [2, 1] });
  const session = await ort.InferenceSession.create(writeModel(graph, { metadata: { a: 'b' } }));
  const { y } = await session.run({ x: new ort.Tensor('float32', [1, 2, -4, 5], [2, 2]) });
  expect([...(y.data as Float32Array)]).toEqual([-2, Number.NEGATIVE_INFINITY]);
});

test('a model that one file cannot hold is refused', () => {
  const graph = new Graph();
  graph.output(graph.input({ name: 'x', type: 'float32', shape: [] }), { name: 'y', type: 'float32', shape: [] });
  const bytes = { byteLength: 2e9 } as Uint8Array;
  const initializers = [{ name: 'w', type: 'float32' as const, shape: [5e8], bytes }];
  expect(() => writeModel(graph, { initializers })).toThrow(/2\.00 GB/);
});
