import { bindPaths, check, Linear, Module } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';
import { LayersModel, type layers, Sequential, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { activationOf, addField, Dropout, LayerModule, linearOf } from './layer-module.ts';

/** A LayersModel as a tree of modules. */
export interface WrappedModel extends Module {
  /** Paths of the Dense layers that compute the model's output; `'all-linear'` skips them. */
  readonly classifiers: readonly string[];
}

/**
 * Wraps a TensorFlow.js LayersModel, sequential or functional, with one input and one output, as a tree of modules.
 *
 * Dense layers become `Linear` modules under the layer's name, `encoder.fc1` in a nested model. They share the layer's
 * variables, so a merged adapter changes the LayersModel's own predictions. All other layers run unchanged, in inference
 * mode, except that Dropout is active in training. Disposing of the modules does not dispose of the LayersModel.
 *
 * @throws PeftError `not-supported` for several inputs or outputs, stateful layers and masks; `state` for a model that is
 *   not built
 */
export const wrapLayersModel = (model: LayersModel): WrappedModel => bindPaths(new ModelModule(model));

type Values = tf.Tensor | tf.Tensor[];

/** Runs one layer on the values of its inputs. */
type Run = (inputs: tf.Tensor[], callArgs?: object) => Values;

class ModelModule extends Module implements WrappedModel {
  readonly classifiers: string[];
  readonly #model: LayersModel;
  readonly #input: SymbolicTensor;
  readonly #output: SymbolicTensor;
  readonly #children = new Map<layers.Layer, Module>();
  readonly #runs = new Map<layers.Layer, Run>();

  constructor(model: LayersModel) {
    super();
    this.#model = model;
    [this.#input, this.#output] = endsOf(model);
    for (const layer of model.layers) this.#runs.set(layer, this.#wrap(layer));
    this.classifiers = this.#classifiers();
  }

  forward(x: tf.Tensor): tf.Tensor {
    if (this.#model instanceof Sequential) {
      return this.#model.layers.reduce((h, layer) => tensorAt(this.#run(layer, [h]), 0, layer), x);
    }
    return this.#evaluate(this.#output, new Map([[this.#input, x]]));
  }

  /** Computes a symbolic tensor from the known values, and adds what it computes to them. */
  #evaluate(wanted: SymbolicTensor, known: Map<SymbolicTensor, tf.Tensor>): tf.Tensor {
    const value = known.get(wanted);
    if (value) return value;
    const { sourceLayer, nodeIndex } = wanted;
    const node = sourceLayer.inboundNodes[nodeIndex];
    check(node, 'state', () => `Layer "${sourceLayer.name}" is called in another way than when it was wrapped.`);
    const { inputTensors, outputTensors, callArgs } = node;
    const inputs = inputTensors.map(input => this.#evaluate(input, known));
    const outputs = this.#run(sourceLayer, inputs, callArgs);
    for (const [i, output] of outputTensors.entries()) known.set(output, tensorAt(outputs, i, sourceLayer));
    return tensorAt(outputs, wanted.tensorIndex, sourceLayer);
  }

  #run(layer: layers.Layer, inputs: tf.Tensor[], callArgs?: object): Values {
    return this.#runs.get(layer)!(inputs, callArgs);
  }

  /** Adds the layer's child module, if it gets one, and returns the function that runs the layer. */
  #wrap(layer: layers.Layer): Run {
    requireStateless(layer);
    const kind = layer.getClassName();
    if (kind === 'InputLayer') return inputs => inputs;
    const child = childOf(layer);
    if (!child) return (inputs, callArgs) => layer.apply(inputs, { ...callArgs, training: false }) as Values;
    addField(this, layer.name, child);
    this.#children.set(layer, child);
    const activation = child instanceof Linear ? activationOf(layer) : undefined;
    return inputs => {
      const y = child.call(tensorAt(inputs, 0, layer));
      return activation ? (activation.apply(y) as tf.Tensor) : y;
    };
  }

  /** Walks back from the output, through layers without weights, to the last Dense layer. */
  #classifiers(): string[] {
    const chain = [...this.#model.layers];
    let layer = this.#model instanceof Sequential ? chain.pop() : this.#output.sourceLayer;
    while (layer) {
      const { name, weights } = layer;
      const child = this.#children.get(layer);
      if (child instanceof Linear) return [name];
      if (child instanceof ModelModule) return child.classifiers.map(path => `${name}.${path}`);
      if (weights.length > 0) return [];
      layer = this.#model instanceof Sequential ? chain.pop() : layer.inboundNodes[0]?.inboundLayers[0];
    }
    return [];
  }
}

/** One of the tensors that a layer takes or gives. */
function tensorAt(values: Values, index: number, { name }: layers.Layer): tf.Tensor {
  const tensor = [values].flat()[index];
  check(tensor, 'state', () => `Layer "${name}" has no tensor ${index}.`);
  return tensor;
}

/** The module for a layer; `undefined` if any of its calls has several inputs or outputs. */
function childOf(layer: layers.Layer): Module | undefined {
  if (layer instanceof LayersModel) return new ModelModule(layer);
  const kind = layer.getClassName();
  if (kind === 'Dense') return linearOf(layer);
  const { rate, noiseShape } = layer.getConfig();
  if (kind === 'Dropout' && !noiseShape) return new Dropout(Number(rate));
  const isUnary = layer.inboundNodes.every(
    ({ inputTensors, outputTensors }) => inputTensors.length === 1 && outputTensors.length === 1,
  );
  return isUnary ? new LayerModule(layer) : undefined;
}

/** The input and the output of a model that has one of each. */
function endsOf({ name, inputs, outputs }: LayersModel): [input: SymbolicTensor, output: SymbolicTensor] {
  const [input] = inputs;
  const [output] = outputs;
  check(input, 'state', () => {
    return `Model "${name}" is not built: it has no layers or no inputShape; add them before wrapping.`;
  });
  check(
    output && inputs.length === 1 && outputs.length === 1,
    'not-supported',
    () =>
      `Model "${name}" has ${inputs.length} inputs and ${outputs.length} outputs; only models with one of each can be wrapped.`,
  );
  return [input, output];
}

function requireStateless(layer: layers.Layer): void {
  if (layer instanceof LayersModel) return; // its layers are checked one by one
  const { name, stateful } = layer;
  check(!stateful, 'not-supported', () => `Layer "${name}" is stateful: its output depends on earlier batches.`);
  const { maskZero } = layer.getConfig();
  check(
    layer.getClassName() !== 'Masking' && !maskZero,
    'not-supported',
    () => `Layer "${name}" makes a mask, which modules do not pass on; wrap a model without masks.`,
  );
}
