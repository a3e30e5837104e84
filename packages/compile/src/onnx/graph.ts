/** The element types of recorded graphs. */
export type ElementType = 'float32' | 'float16' | 'int8' | 'uint8' | 'int32' | 'int64' | 'bool';

/** `TensorProto.DataType` of `onnx.proto`. */
export const elementCodes: Record<ElementType, number> = {
  float32: 1,
  float16: 10,
  int8: 3,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
};

/** Numbers are written as INT when they are integers; `float()` marks those that ONNX declares as FLOAT. */
export type Attribute = number | string | number[] | { readonly float: number };
export type Attributes = Record<string, Attribute>;

export const float = (value: number): Attribute => ({ float: value });

/** The names of a node's outputs: at least one. */
export type OutputNames = readonly [string, ...string[]];

export interface GraphNode {
  readonly op: string;
  /** Empty for the standard operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: OutputNames;
  readonly attributes: Attributes;
}

export interface Constant {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** A graph input or output. A dimension that is a string is symbolic. */
export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/**
 * A graph of ONNX nodes under construction, in topological order because values are made before they are used.
 * Nodes are pure (random numbers are graph inputs), so equal nodes are one node; equal constants are one constant.
 */
export class Graph {
  nodes: GraphNode[] = [];
  constants: Constant[] = [];
  inputs: ValueInfo[] = [];
  outputs: ValueInfo[] = [];
  readonly #names = new Map<string, OutputNames>();

  /** Adds a node, unless an equal one is there, and names its outputs. An input named '' is left out. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    { domain = '', outputs = 1 } = {},
  ): OutputNames {
    return this.#once(JSON.stringify([op, domain, inputs, attributes, outputs]), () => {
      const name = `${op}_${this.nodes.length}`;
      const names: OutputNames = [name, ...Array.from({ length: outputs - 1 }, (_, i) => `${name}_${i + 1}`)];
      this.nodes.push({ op, domain, inputs, outputs: names, attributes });
      return names;
    });
  }

  constant(type: ElementType, shape: readonly number[], values: readonly number[]): string {
    const key = values.map(value => (Object.is(value, -0) ? '-0' : String(value)));
    const [name] = this.#once(JSON.stringify([type, shape, key]), () => {
      const name = `constant_${this.constants.length}`;
      this.constants.push({ name, type, shape, values });
      return [name];
    });
    return name;
  }

  /** Adds an input; several calls with one name add it once. */
  input(port: ValueInfo): string {
    if (!this.inputs.some(({ name }) => name === port.name)) this.inputs.push(port);
    return port.name;
  }

  /**
   * Makes `value` an output under `port.name`, through an Identity node, since an input can be an output, and one value two outputs.
   * {@link finish} removes those that are not needed.
   */
  output(value: string, port: ValueInfo): void {
    this.nodes.push({ op: 'Identity', domain: '', inputs: [value], outputs: [port.name], attributes: {} });
    this.outputs.push(port);
  }

  /** Removes nodes that no output depends on, and Identity nodes that are not needed. Add no node after it. */
  finish(): void {
    this.#prune();
    this.#nameOutputs();
  }

  #prune(): void {
    const needed = new Set(this.outputs.map(({ name }) => name));
    const live: GraphNode[] = [];
    for (const node of this.nodes.toReversed()) {
      if (!node.outputs.some(name => needed.has(name))) continue;
      for (const name of node.inputs) needed.add(name);
      live.push(node);
    }
    this.nodes = live.reverse();
    this.constants = this.constants.filter(({ name }) => needed.has(name));
    this.inputs = this.inputs.filter(({ name }) => needed.has(name));
  }

  /** Not every processor has Identity nodes: those that are left send the value through the CPU. */
  #nameOutputs(): void {
    const isOutput = new Set(this.outputs.map(({ name }) => name));
    const made = new Set(this.nodes.flatMap(({ outputs }) => outputs));
    const names = new Map<string, string>();
    const kept = this.nodes.filter(({ op, inputs: [value = ''], outputs: [name] }) => {
      if (op !== 'Identity' || !isOutput.has(name) || !made.has(value) || isOutput.has(value) || names.has(value)) {
        return true;
      }
      names.set(value, name);
      return false;
    });
    this.nodes = kept.map(node => renamedNode(node, name => names.get(name) ?? name));
  }

  #once(key: string, make: () => OutputNames): OutputNames {
    const names = this.#names.get(key) ?? make();
    this.#names.set(key, names);
    return names;
  }
}

/** A node with other names for its inputs and outputs. */
export function renamedNode(node: GraphNode, rename: (name: string) => string): GraphNode {
  const [first, ...others] = node.outputs;
  return { ...node, inputs: node.inputs.map(rename), outputs: [rename(first), ...others.map(rename)] };
}
