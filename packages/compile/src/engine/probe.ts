import { Graph } from '../onnx/graph.ts';
import { writeModel } from '../onnx/model.ts';
import type { Runner } from './runner.ts';

/** Loads a graph of one node: ONNX Runtime starts a provider, and fails to, with the first session. */
export async function probe(runner: Runner): Promise<void> {
  const graph = new Graph();
  const [port, made] = ['x', 'y'].map(name => ({ name, type: 'float32' as const, shape: [] }));
  graph.output(graph.input(port), made);
  const plan = { model: writeModel(graph), inputs: [port], outputs: [made], reads: [], writes: [] };
  await runner.unload(await runner.load(plan));
}
