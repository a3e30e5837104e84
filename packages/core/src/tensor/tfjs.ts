import * as tf from '@tensorflow/tfjs-core';

/*
 * What core needs of TensorFlow.js' engine beyond its documented ops: the tape on which gradients are recorded, and variables
 * whose data a backend of our own holds. No other file of core touches the engine, so that an upgrade is checked here.
 */

/** Runs a kernel of the current backend, with its gradient on the tape. */
export function runKernel(name: string, inputs: tf.NamedTensorMap, attributes: tf.NamedAttrMap): tf.Tensor[] {
  const outputs = tf.engine().runKernel(name, inputs, attributes) as tf.Tensor | tf.Tensor[];
  return Array.isArray(outputs) ? outputs : [outputs];
}

/** Takes all outputs but the first of the last kernel off the tape: their gradients would be zeros allocated on the host. */
export function tapeOnlyFirst([result]: readonly [tf.Tensor, ...tf.Tensor[]]): void {
  const node = tf.engine().state.activeTape?.at(-1);
  if (node?.outputs[0]?.id === result.id) node.outputs = [result];
}

/** What the tape keeps for the gradient of the last op, if that made `result`: inputs, then outputs. */
export function savedFor({ id }: tf.Tensor): readonly tf.Tensor[] {
  const node = tf.engine().state.activeTape?.at(-1);
  return node?.outputs[0]?.id === id ? ((node.saved ?? []) as tf.Tensor[]) : [];
}

/** Whether an op that is on the tape made the tensor. */
export function isOnTape({ id }: tf.Tensor): boolean {
  const tape = tf.engine().state.activeTape ?? [];
  return tape.some(({ outputs }) => outputs.some(output => output.id === id));
}

/** Runs `f` on a tape of its own, which is dropped. `used` are those of `candidates` that its ops took. */
export function withOwnTape(
  f: () => tf.Tensor,
  candidates: Iterable<tf.Tensor>,
): { result: tf.Tensor; used: tf.Tensor[] } {
  const { state } = tf.engine();
  const outer = state.activeTape;
  state.activeTape = [];
  try {
    const result = tf.tidy(f);
    const taken = new Set(state.activeTape.flatMap(({ inputs }) => Object.values(inputs).map(({ id }) => id)));
    return { result, used: [...candidates].filter(({ id }) => taken.has(id)) };
  } finally {
    for (const { saved } of state.activeTape) tf.dispose(saved as tf.Tensor[]);
    state.activeTape = outer;
  }
}

/**
 * The gradients of `f()`, given that of its result, while another backward pass may be under way.
 *
 * @returns in the order of `sources`; `null` where the result does not depend on one
 */
export function gradientsWithin(f: () => tf.Tensor, sources: tf.Tensor[], dy: tf.Tensor): (tf.Tensor | null)[] {
  const engine = tf.engine();
  const outer = engine.state.activeTape;
  try {
    const { value, grads } = engine.gradients(f, sources, dy, true);
    value.dispose();
    return grads;
  } finally {
    engine.state.activeTape = outer;
  }
}

/** Another tensor of the same data, on whichever backend that is. Kernels that copy tensors may copy the data. */
export function sameData({ dataId, shape, dtype }: tf.Tensor): tf.Tensor {
  const engine = tf.engine();
  const backend = engine.state.tensorInfo.get(dataId)?.backend ?? engine.backend;
  backend.incRef(dataId);
  return engine.makeTensorFromTensorInfo({ dataId, shape, dtype }, backend);
}

/** A variable that says when it lets go of the data it was made with: it is disposed of, or assigned others. */
class HoldingVariable extends tf.Variable {
  readonly #held: tf.DataId;
  readonly #released: (() => void) | undefined;
  #holds = true;

  constructor(tensor: tf.Tensor, released: (() => void) | undefined) {
    super(tensor, false, `deferred-${tensor.id}`, tensor.id);
    this.#held = tensor.dataId;
    this.#released = released;
  }

  override assign(value: tf.Tensor): void {
    super.assign(value);
    this.#look(this.dataId === this.#held);
  }

  override dispose(): void {
    super.dispose();
    this.#look(false);
  }

  #look(holds: boolean): void {
    if (this.#holds && !holds) this.#released?.();
    this.#holds = holds;
  }
}

/**
 * A variable of data that `backend` holds. Unlike with `tf.variable`, the data stays there until an op takes it.
 *
 * @param released is called when the variable no longer holds that data; again if it was assigned it back in the meantime
 */
export function variableOn(
  backend: tf.KernelBackend,
  dataId: tf.DataId,
  shape: readonly number[],
  released?: () => void,
): tf.Variable {
  const engine = tf.engine();
  backend.incRef(dataId); // of the tensor, which the variable outlives
  const tensor = engine.makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype: 'float32' }, backend);
  const variable = new HoldingVariable(tensor, released);
  backend.incRef(dataId);
  engine.trackTensor(variable, backend);
  engine.registeredVariables[variable.name] = variable;
  tensor.dispose();
  return variable;
}
