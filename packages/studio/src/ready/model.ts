import type { Preprocessing } from '@peft/core';
import { decodeBlob, evalTransform } from '@peft/data';
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import { softmax } from '../worker/softmax.ts';

/** What lies beside the model. */
export interface ModelCard {
  readonly title: string;
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing;
}

export interface Scored {
  readonly name: string;
  readonly share: number;
}

/** The classifier of this folder. */
export interface Classifier {
  readonly card: ModelCard;
  /** The classes of a picture, the likeliest first. */
  classify(picture: Blob): Promise<Scored[]>;
}

/** `[height, width, 3]` to `[3, height, width]`. */
function channelsFirst(values: Float32Array): Float32Array {
  const area = values.length / 3;
  const result = new Float32Array(values.length);
  for (const [i, value] of values.entries()) result[(i % 3) * area + Math.floor(i / 3)] = value;
  return result;
}

async function fetched(file: string): Promise<Response> {
  const response = await fetch(new URL(file, document.baseURI));
  if (!response.ok) throw new Error(`${file} cannot be loaded (${response.status}); serve the whole folder.`);
  return response;
}

/** Loads `model.json` and `model.onnx`. */
export async function openClassifier(): Promise<Classifier> {
  const card: ModelCard = await (await fetched('model.json')).json();
  env.wasm.wasmPaths = new URL('./', document.baseURI).href;
  env.wasm.numThreads = 1;
  const session = await InferenceSession.create(new Uint8Array(await (await fetched('model.onnx')).arrayBuffer()));
  const transform = evalTransform(card.preprocessing);
  return {
    card,
    async classify(picture) {
      const pixels = channelsFirst(transform.apply(await decodeBlob(picture), 0));
      const images = new Tensor('float32', pixels, [1, 3, transform.height, transform.width]);
      const { logits } = await session.run({ images });
      const shares = softmax((await logits?.getData()) as Float32Array);
      return card.labels
        .map((name, i) => ({ name, share: shares[i] ?? 0 }))
        .sort((one, other) => other.share - one.share);
    },
  };
}
