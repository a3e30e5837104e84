/** The page: a picture in, its likeliest classes out. The picture stays in the browser. */
import { decodeBlob, evalTransform } from '@peft/data';
import { logSumExp } from '@peft/train';
import { InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import type { Card } from './card.ts';

const file = document.querySelector<HTMLInputElement>('#file')!;
const answer = document.querySelector<HTMLOutputElement>('#answer')!;

/** Fetches a file that export.ts has written. */
async function load(name: string): Promise<Response> {
  const response = await fetch(new URL(name, document.baseURI));
  if (!response.ok) throw new Error(`${name} is not there (${response.status}); run: npx pnpm@10 run export`);
  return response;
}

async function open(): Promise<(picture: Blob) => Promise<string>> {
  const { labels, preprocessing }: Card = await (await load('model.json')).json();
  const session = await InferenceSession.create(new Uint8Array(await (await load('model.onnx')).arrayBuffer()));
  const { height, width, apply } = evalTransform(preprocessing);
  return async picture => {
    const images = new Tensor('float32', apply(await decodeBlob(picture), 0), [1, height, width, 3]);
    const { logits } = await session.run({ images });
    const scores = Float32Array.from((await logits.getData()) as Float32Array);
    const total = logSumExp(scores);
    const best = [...scores.keys()].sort((one, other) => scores[other] - scores[one]).slice(0, 3);
    return best.map(k => `${labels[k]}: ${(100 * Math.exp(scores[k] - total)).toFixed(1)} %`).join(', ');
  };
}

/** Shows what some work comes to, or why it failed. */
async function show(work: Promise<string>): Promise<void> {
  answer.value = await work.catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
}

await show(
  open().then(predict => {
    file.addEventListener('change', () => {
      const [picture] = file.files ?? [];
      if (picture) void show(predict(picture));
    });
    file.disabled = false;
    return 'Choose a picture.';
  }),
);
