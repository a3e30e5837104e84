import { Graph } from '../onnx/graph.ts';
import { writeModel } from '../onnx/model.ts';
import type { Runner } from './runner.ts';

/**
 * Loads a graph of one node, because ONNX Runtime starts a provider, or fails to, with the first session. The session stays open,
 * which keeps what sessions share: compiled shaders and buffers.
 */
export async function probe(runner: Runner): Promise<void> {
  const graph = new Graph();
  const scalar = (name: string) => ({ name, type: 'float32' as const, shape: [] });
  const [x, y] = [scalar('x'), scalar('y')];
  graph.output(graph.input(x), y);
  await runner.load({ model: writeModel(graph), inputs: [x], outputs: [y], reads: [], writes: [] });
}

/** Whether the largest bytes are multiplied without saturation: sums of two such products exceed 16 bits. */
export async function multipliesExactly(runner: Runner): Promise<boolean> {
  const graph = new Graph();
  const [rows, width, columns] = [2, 64, 16];
  const [x, y] = [
    { name: 'x', type: 'uint8' as const, shape: [rows, width] },
    { name: 'y', type: 'int32' as const, shape: [rows, columns] },
  ];
  const weight = graph.constant('int8', [width, columns], new Array<number>(width * columns).fill(127));
  graph.output(graph.node('MatMulInteger', [graph.input(x), weight])[0], y);
  const session = await runner.load({ model: writeModel(graph), inputs: [x], outputs: [y], reads: [], writes: [] });
  const { y: sums } = await runner.run(session, { x: new Uint8Array(rows * width).fill(255) });
  await runner.unload(session);
  return sums?.every(sum => sum === width * 255 * 127) ?? false;
}
