import { Graph } from '../onnx/graph.ts';
import { writeModel } from '../onnx/model.ts';
import type { Runner } from './runner.ts';

/**
 * Loads a graph of one node, because ONNX Runtime starts a provider, or fails to, with the first session. The session stays open,
 * which keeps what sessions share: compiled shaders and buffers.
 */
export async function probe(runner: Runner): Promise<void> {
  const graph = new Graph();
  const [port, made] = ['x', 'y'].map(name => ({ name, type: 'float32' as const, shape: [] }));
  graph.output(graph.input(port), made);
  await runner.load({ model: writeModel(graph), inputs: [port], outputs: [made], reads: [], writes: [] });
}
