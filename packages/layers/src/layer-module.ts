import { check, dims, dropout, Linear, Module, Parameter, zeros } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { type LayerVariable, type layers, layers as makeLayer } from '@tensorflow/tfjs-layers';

/** Adds a child or a parameter to a module, under a name known only at run time. */
export function addField(module: Module, name: string, value: Module | Parameter): void {
  check(
    !(name in module),
    'not-supported',
    () =>
      `A layer or weight called "${name}" cannot be wrapped: Module already has a field of that name; rename the layer or weight.`,
  );
  Object.assign(module, { [name]: value });
}

function variableOf(weight: LayerVariable): tf.Variable {
  const value = weight.read();
  check(
    value instanceof tf.Variable,
    'not-supported',
    () => `Weight "${weight.name}" is not a tf.Variable; is @tensorflow/tfjs-core installed twice?`,
  );
  return value;
}

/** A `Linear` that shares a Dense layer's kernel and bias. The caller applies the activation. */
export function linearOf({ name, weights }: layers.Layer): Linear {
  const [kernel, bias] = weights.map(variableOf);
  check(kernel, 'state', () => `Layer "${name}" has no weights yet: its model is not built.`);
  const linear = new Linear(...dims(kernel, 2), { bias: bias !== undefined });
  linear.weight.adopt(kernel);
  if (bias) linear.bias?.adopt(bias);
  return linear;
}

/** The activation of a Dense layer, as a layer; `undefined` if it is linear. */
export function activationOf(layer: layers.Layer): layers.Layer | undefined {
  const { activation } = layer.getConfig() as { activation: Parameters<typeof makeLayer.activation>[0]['activation'] };
  return activation === 'linear' ? undefined : makeLayer.activation({ activation });
}

/** Dropout with random numbers of the scope, like every module's. */
export class Dropout extends Module {
  readonly rate: number;

  constructor(rate: number) {
    super();
    this.rate = rate;
  }

  forward(x: tf.Tensor): tf.Tensor {
    return dropout(x, this.rate, this.path);
  }
}

/** Runs any other layer with one input and one output unchanged, in inference mode. Its weights are counted, never trained. */
export class LayerModule extends Module {
  readonly #layer: layers.Layer;

  constructor(layer: layers.Layer) {
    super();
    this.#layer = layer;
    for (const weight of layer.weights) {
      const variable = variableOf(weight);
      const name = weight.originalName.replace(`${layer.name}/`, '').replaceAll('/', '.');
      if (variable.dtype !== 'float32') continue;
      const parameter = new Parameter(variable.shape, zeros, { fixed: true });
      parameter.adopt(variable);
      addField(this, name, parameter);
    }
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.#layer.apply(x, { training: false }) as tf.Tensor;
  }
}
