// A contender: a model's forward pass, exported as a file and run by onnxruntime-node as it comes, without any of ours.
import { peakMemory } from '@peft/core/node';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Assignment } from '../work.ts';
import { makePictures } from './pictures.ts';
import { type Opened, serve } from './serve.ts';
import { versionOf } from './versions.ts';

async function open({ exported = '', threads, batch, imageSize }: Assignment): Promise<Opened> {
  const session = await InferenceSession.create(exported, { intraOpNumThreads: threads });
  const [{ shape }] = session.inputMetadata.flatMap(input => (input.isTensor ? [input] : []));
  const side = imageSize ?? Number(shape[1]);
  const dims = [batch, side, side, 3];
  const images = new Tensor('float32', makePictures(dims.reduce((a, b) => a * b)), dims);
  return {
    async run() {
      const { logits } = await session.run({ images });
      return (logits.data as Float32Array)[0];
    },
    async describe() {
      return { peakBytes: peakMemory(), versions: { 'onnxruntime-node': versionOf('onnxruntime-node') } };
    },
    close: () => session.release(),
  };
}

await serve(open);
