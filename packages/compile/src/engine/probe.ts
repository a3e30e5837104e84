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
