import { check, type Step, type Tensors } from '@peft/core';
import { quantizedWeight } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { int8Arrays } from '../engine/int8-arrays.ts';
import { type Graph, renamedNode } from '../onnx/graph.ts';
import { type Initializer, writeModel } from '../onnx/model.ts';
import { type Binding, type InputSpec, type Recording, record } from '../record/record.ts';
import { bySource, currentData } from '../record/source.ts';
import { readData } from '../record/tfjs.ts';
import { generalize, type Sample } from './symbolic.ts';

export interface ExportInput {
  /** `null` is a free length, the batch. It is the same in all inputs. */
  readonly shape: readonly (number | null)[];
  /** float32 unless given. */
  readonly dtype?: 'float32' | 'int32';
}

export interface ExportOptions {
  readonly inputs: Readonly<Record<string, ExportInput>>;
  /** Stored in the model's `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Sizes that no model is likely to have itself. */
const sizes = [1009, 1013] as const;

/**
 * Exports a forward step as an ONNX model: opset 21, standard operators only, with the weights inside. Weights in 8 bits stay so: rows
 * are rounded in the model, and MatMulInteger multiplies. Inputs and outputs have the step's names for them.
 *
 * @throws PeftError `not-supported` if the model would be larger than 1.9 GB, or the step cannot be recorded
 */
export async function exportOnnx<In extends Tensors>(
  forward: Step<In>,
  { inputs, metadata }: ExportOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  await tf.ready();
  const recorded = (size: number): Recording & Sample => {
    const recording = record(forward as Step, specsOf(inputs, size), { portable: true, storageOf });
    return { ...recording, size };
  };
  const [first, second] = [recorded(sizes[0]), recorded(sizes[1])];
  checkForward(first);
  const [measured] = Object.entries(inputs).flatMap(([name, { shape }]) => {
    const axis = shape.indexOf(null);
    return axis < 0 ? [] : [{ input: `input:${name}`, axis }];
  });
  const graph = measured ? generalize(first, second, measured) : first.graph;
  const initializers = (await Promise.all(bySource(first.bindings).map(readWeight))).flat();
  return writeModel(renamed(graph), { initializers, metadata });
}

/** Weights in 8 bits are exported as they are. */
const storageOf = ({ dataId }: tf.Variable) => (quantizedWeight(dataId) ? 'int8' : 'plain');

const specsOf = (inputs: ExportOptions['inputs'], size: number): Record<string, InputSpec> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype = 'float32' }]) => [
      name,
      { shape: shape.map(length => length ?? size), dtype },
    ]),
  );

function checkForward({ bindings, random }: Recording): void {
  const assigned = bindings.find(({ output }) => output)?.source;
  check(!assigned, 'bad-argument', () => {
    const name = assigned?.kind === 'variable' ? ` "${assigned.variable.name}"` : '';
    return `The step assigns the variable${name}; only a forward step can be exported.`;
  });
  check(
    random.length === 0,
    'bad-argument',
    () =>
      `The step draws random numbers (${random[0]?.path}); export it in evaluation, withScope({ training: false }).`,
  );
}

/** Reads the arrays of one source. */
async function readWeight(bindings: readonly Binding[]): Promise<Initializer[]> {
  const dataId = currentData(bindings[0]!.source);
  const arrays = await int8Arrays(dataId);
  const plain = arrays ? undefined : ((await readData(dataId)) as tf.TypedArray);
  return bindings.map(({ form, input, type, shape }) => {
    const { buffer, byteOffset, byteLength } = plain ?? arrays![form]!();
    return { name: input!, type, shape, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
  });
}

/** Renames inputs and outputs to the step's names. */
function renamed(graph: Graph): Graph {
  const bare = (name: string): string => name.replace(/^(input|output):/, '');
  const outer = new Map([...graph.inputs, ...graph.outputs].map(({ name }) => [name, bare(name)]));
  const twice = [...outer.values()].find((name, i, all) => all.indexOf(name) < i);
  check(
    twice === undefined,
    'bad-argument',
    () => `"${twice}" names an input and an output; call one of them otherwise.`,
  );
  graph.nodes = graph.nodes.map(node => renamedNode(node, name => outer.get(name) ?? name));
  graph.inputs = graph.inputs.map(port => ({ ...port, name: bare(port.name) }));
  graph.outputs = graph.outputs.map(port => ({ ...port, name: bare(port.name) }));
  return graph;
}
