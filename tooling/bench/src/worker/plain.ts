// A contender: a ViT with LoRA in the ops of TensorFlow.js, trained by its Adam on its wasm backend, without any of ours.
import { readFile } from 'node:fs/promises';
import { parseSafetensors, toFloat32 } from '@peft/core';
import { registerGradients } from '@peft/core/engine';
import { peakMemory } from '@peft/core/node';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { Assignment } from '../work.ts';
import { makeLabels, makePictures } from './pictures.ts';
import { type Opened, serve } from './serve.ts';
import { versionOf } from './versions.ts';

type Weights = (name: string) => tf.Tensor;

interface Shape {
  readonly depth: number;
  readonly heads: number;
  readonly embedDim: number;
  readonly patchSize: number;
}

/** The tensors of a file with timm's names. */
async function readWeights(path: string): Promise<Weights> {
  const { tensors } = parseSafetensors(await readFile(path), path);
  const all = new Map([...tensors].map(([name, stored]) => [name, tf.tensor(toFloat32(stored), [...stored.shape])]));
  return name => {
    const found = all.get(name);
    if (!found) throw new Error(`${path} has no ${name}.`);
    return found;
  };
}

/** x W^T + b, for W `[out, in]` as in the file. */
function linear(x: tf.Tensor, weights: Weights, name: string): tf.Tensor {
  const flat = tf.reshape(x, [-1, x.shape[x.rank - 1]]) as tf.Tensor2D;
  const weight = weights(`${name}.weight`) as tf.Tensor2D;
  const y = tf.add(tf.matMul(flat, weight, false, true), weights(`${name}.bias`));
  return tf.reshape(y, [...x.shape.slice(0, -1), weight.shape[0]]);
}

function layerNorm(x: tf.Tensor, weights: Weights, name: string): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  const normalized = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-6)));
  return tf.add(tf.mul(normalized, weights(`${name}.weight`)), weights(`${name}.bias`));
}

const gelu = (x: tf.Tensor): tf.Tensor => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1));

/** A low-rank update of a linear map; alpha is the rank, so that its scale is one. */
class Lora {
  readonly a: tf.Variable;
  readonly b: tf.Variable;

  constructor(inputs: number, outputs: number, rank: number) {
    const bound = inputs ** -0.5;
    this.a = tf.variable(tf.randomUniform([inputs, rank], -bound, bound, 'float32', 1));
    this.b = tf.variable(tf.zeros([rank, outputs]));
  }

  delta(x: tf.Tensor): tf.Tensor {
    const flat = tf.reshape(x, [-1, x.shape[x.rank - 1]]) as tf.Tensor2D;
    const y = tf.matMul(tf.matMul(flat, this.a as tf.Tensor as tf.Tensor2D), this.b as tf.Tensor as tf.Tensor2D);
    return tf.reshape(y, [...x.shape.slice(0, -1), this.b.shape[1]!]);
  }
}

function attention(x: tf.Tensor, weights: Weights, name: string, lora: Lora, heads: number): tf.Tensor {
  const [batch, tokens, width] = x.shape;
  const qkv = tf.add(linear(x, weights, `${name}.qkv`), lora.delta(x));
  const split = tf.transpose(tf.reshape(qkv, [batch, tokens, 3, heads, width! / heads]), [2, 0, 3, 1, 4]);
  const [q, k, v] = tf.unstack(split);
  const map = tf.softmax(tf.mul(tf.matMul(q, k, false, true), (width! / heads) ** -0.5));
  const mixed = tf.reshape(tf.transpose(tf.matMul(map, v), [0, 2, 1, 3]), x.shape);
  return linear(mixed, weights, `${name}.proj`);
}

/** Logits of pictures `[B, H, W, 3]`. */
function forward(images: tf.Tensor4D, weights: Weights, loras: Lora[], head: tf.Variable[], shape: Shape): tf.Tensor2D {
  const kernel = tf.transpose(weights('patch_embed.proj.weight'), [2, 3, 1, 0]) as tf.Tensor4D;
  const patches = tf.add(tf.conv2d(images, kernel, shape.patchSize, 'valid'), weights('patch_embed.proj.bias'));
  const batch = images.shape[0];
  const first = tf.tile(weights('cls_token'), [batch, 1, 1]);
  let x: tf.Tensor = tf.concat([first, tf.reshape(patches, [batch, -1, shape.embedDim])], 1);
  x = tf.add(x, weights('pos_embed'));
  for (const [i, lora] of loras.entries()) {
    const at = `blocks.${i}`;
    x = tf.add(x, attention(layerNorm(x, weights, `${at}.norm1`), weights, `${at}.attn`, lora, shape.heads));
    const hidden = gelu(linear(layerNorm(x, weights, `${at}.norm2`), weights, `${at}.mlp.fc1`));
    x = tf.add(x, linear(hidden, weights, `${at}.mlp.fc2`));
  }
  const pooled = tf.squeeze(tf.slice(layerNorm(x, weights, 'norm'), [0, 0, 0], [-1, 1, -1]), [1]) as tf.Tensor2D;
  const [weight, bias] = head;
  return tf.add(tf.matMul(pooled, weight as tf.Tensor as tf.Tensor2D, false, true), bias) as tf.Tensor2D;
}

/** Sizes of timm's `VisionTransformer`. */
function shapeOf({ torch: { args } }: Assignment): Shape & { side: number } {
  const { img_size: side, patch_size: patchSize, embed_dim: embedDim, depth, num_heads: heads } = args;
  return { side, patchSize, embedDim, depth, heads };
}

async function open(assignment: Assignment): Promise<Opened> {
  const { weights: path = '', batch, rank } = assignment;
  await tf.setBackend('wasm');
  registerGradients(); // which TensorFlow.js' entry for Node leaves out
  const shape = shapeOf(assignment);
  const { depth, embedDim, side } = shape;
  const weights = await readWeights(path);
  const loras = Array.from({ length: depth }, () => new Lora(embedDim, 3 * embedDim, rank));
  const head = ['head.weight', 'head.bias'].map(name => tf.variable(weights(name)));
  const images = tf.tensor4d(makePictures(batch * side * side * 3), [batch, side, side, 3]);
  const classes = head[1].shape[0];
  const labels = tf.oneHot(tf.tensor1d(makeLabels(batch, classes), 'int32'), classes);
  const trained = [...loras.flatMap(({ a, b }) => [a, b]), ...head];
  const optimizer = tf.train.adam(1e-3);
  const loss = (): tf.Scalar => {
    const logits = forward(images, weights, loras, head, shape);
    return tf.losses.softmaxCrossEntropy(labels, logits) as tf.Scalar;
  };
  return {
    async run() {
      const value = optimizer.minimize(loss, true, trained) as tf.Scalar;
      const [number] = await value.data();
      value.dispose();
      return number;
    },
    async describe() {
      const backend = '@tensorflow/tfjs-backend-wasm';
      return {
        peakBytes: peakMemory(),
        trainable: trained.reduce((sum, { size }) => sum + size, 0),
        versions: { [backend]: versionOf(backend) },
      };
    },
    async close() {
      tf.removeBackend('wasm');
    },
  };
}

await serve(open);
