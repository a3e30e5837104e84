import { check } from '@peft/core';
import { type Constant, Graph, type GraphNode, type ValueInfo } from '../onnx/graph.ts';

/** A graph that was recorded with `size` in the place of the symbolic dimension. */
export interface Sample {
  readonly graph: Graph;
  readonly size: number;
}

/** Name of the dimension. */
const dimension = 'batch';

/** A number as a function of the size: `slope size + offset`. */
interface Affine {
  readonly slope: number;
  readonly offset: number;
}

/**
 * Makes one graph for any size from two that were recorded with different sizes. The two may differ only in integers that are affine
 * functions of the size (shapes, ends of slices), which the new graph computes from the shape of its input.
 *
 * @param measured the input and the axis whose length is the size
 */
export function generalize(a: Sample, b: Sample, measured: { readonly input: string; readonly axis: number }): Graph {
  const affine = (x: number, y: number): Affine => {
    const slope = (y - x) / (b.size - a.size);
    return { slope, offset: x - slope * a.size };
  };
  checkAlike(a.graph, b.graph);
  const other = new Map(b.graph.constants.map(constant => [constant.name, constant]));
  const graph = new Graph();
  const varying = new Map<string, { constant: Constant; functions: Affine[] }>();
  for (const constant of a.graph.constants) {
    const { values } = other.get(constant.name)!;
    const functions = constant.values.map((value, i) => affine(value, values[i]!));
    const varies = functions.some(({ slope }) => slope !== 0);
    check(
      !varies || (constant.type === 'int64' && functions.every(({ slope }) => Number.isInteger(slope))),
      'not-supported',
      () => `The step makes numbers (${constant.name}) of the ${dimension} size on the host, which cannot be exported.`,
    );
    if (varies) varying.set(constant.name, { constant, functions });
    else graph.constants.push(constant);
  }
  const port = (mine: ValueInfo, yours: ValueInfo | undefined): ValueInfo => {
    check(yours?.shape.length === mine.shape.length, 'not-supported', () => {
      return `The step has another ${mine.name} for another ${dimension} size. Give a fixed size.`;
    });
    const shape = mine.shape.map((length, axis) => symbol(affine(Number(length), Number(yours.shape[axis]))));
    return { ...mine, shape };
  };
  graph.inputs = a.graph.inputs.map((input, i) => port(input, b.graph.inputs[i]));
  graph.outputs = a.graph.outputs.map((output, i) => port(output, b.graph.outputs[i]));

  const { input, axis } = measured;
  const attributes = { start: axis, end: axis + 1 };
  graph.nodes = [{ op: 'Shape', domain: '', inputs: [input], outputs: [dimension], attributes }];
  const computed = new Map<string, string>();
  for (const node of a.graph.nodes) {
    const inputs = node.inputs.map(name => {
      const found = varying.get(name);
      if (!found) return name;
      const { constant, functions } = found;
      if (node.op === 'Reshape' && functions.filter(({ slope }) => slope !== 0).length === 1) {
        return inferred(graph, constant, functions);
      }
      const made = computed.get(name) ?? compute(graph, constant, functions);
      computed.set(name, made);
      return made;
    });
    graph.nodes.push({ ...node, inputs });
  }
  graph.finish();
  return graph;
}

const symbol = ({ slope, offset }: Affine): number | string => {
  if (slope === 0) return offset;
  const product = slope === 1 ? dimension : `${slope}*${dimension}`;
  return offset === 0 ? product : `${product}+${offset}`;
};

/** The shape of a Reshape, with -1 for the one length that varies. */
function inferred(graph: Graph, constant: Constant, functions: readonly Affine[]): string {
  const name = `${constant.name}:inferred`;
  const values = functions.map(({ slope, offset }) => (slope === 0 ? offset : -1));
  if (!graph.constants.some(found => found.name === name)) graph.constants.push({ ...constant, name, values });
  return name;
}

/** Nodes that compute `slope size + offset`. */
function compute(graph: Graph, constant: Constant, functions: readonly Affine[]): string {
  const part = (key: keyof Affine): string => {
    const name = `${constant.name}:${key}`;
    graph.constants.push({ ...constant, name, values: functions.map(affine => affine[key]) });
    return name;
  };
  const node = (op: string, inputs: string[], output: string): string => {
    graph.nodes.push({ op, domain: '', inputs, outputs: [output], attributes: {} });
    return output;
  };
  const product = node('Mul', [dimension, part('slope')], `${constant.name}:product`);
  return node('Add', [product, part('offset')], `${constant.name}:sum`);
}

/** Throws unless two graphs differ only in numbers. */
function checkAlike(a: Graph, b: Graph): void {
  const outline = ({ op, inputs, outputs, attributes }: GraphNode) => JSON.stringify([op, inputs, outputs, attributes]);
  const differs = a.nodes.findIndex((node, i) => !b.nodes[i] || outline(node) !== outline(b.nodes[i]));
  const names = (graph: Graph) => graph.constants.map(({ name, values }) => `${name} ${values.length}`).join();
  check(
    differs < 0 && a.nodes.length === b.nodes.length && names(a) === names(b),
    'not-supported',
    () =>
      `The step takes other ops for another ${dimension} size (from ${a.nodes[differs]?.outputs[0] ?? 'its constants'} on), ` +
      `so it cannot be exported with a symbolic ${dimension}. Give a fixed size.`,
  );
}
