import { check, dropout, Linear, Module, Parameter, zeros } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { type LayerVariable, type layers, layers as makeLayer } from '@tensorflow/tfjs-layers';

/** Gives a module a child or a parameter under a name that is only known now. */
export function addField(module: Module, name: string, value: Module | Parameter): void {
  check(
    !(name in module),
    'not-supported',
    () => `A layer or weight called "${name}" cannot be wrapped, for a Module has a field of that name; rename it.`,
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

/** A Dense layer's kernel and bias as a `Linear` that shares them. Its activation is left to the caller. */
export function linearOf({ weights }: layers.Layer): Linear {
  const [kernel, bias] = weights.map(variableOf);
  const linear = new Linear(kernel.shape[0], kernel.shape[1]!, { bias: bias !== undefined });
  linear.weight.adopt(kernel);
  linear.bias?.adopt(bias);
  return linear;
}

/** The activation of a Dense layer, as a layer; nothing for a linear one. */
export function activationOf(layer: layers.Layer): layers.Layer | undefined {
  const { activation } = layer.getConfig() as { activation: Parameters<typeof makeLayer.activation>[0]['activation'] };
  return activation === 'linear' ? undefined : makeLayer.activation({ activation });
}

/** Dropout whose random numbers come from the scope, as those of every module do. */
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

/** Any other layer of one input and one output, run as it is, in inference mode. Its weights are counted, never trained. */
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
