import { createBackbone, lookupBackbone } from '@peft/backbones';
import { initialize, key } from '@peft/core';
import type { PictureDataset } from '@peft/data';
import type { RunBackbone, RunEvent, RunOptions, RunRecord } from '../src/index.ts';

const side = 16;

/** Dark pictures and bright ones. */
export function shades(size: number, name = 'shades'): PictureDataset {
  const labels = Int32Array.from({ length: size }, (_, i) => i % 2);
  return {
    name,
    size,
    classes: ['dark', 'bright'],
    labels: () => labels,
    digest: async index => `${name} ${index}`,
    async picture(index) {
      const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
        return (labels[index] === 1 ? 190 : 20) + ((i * 7 + index * 13) % 50);
      });
      return { data, width: side, height: side };
    },
  };
}

/** A backbone of a few thousand parameters. */
export function tinyBackbone(weights = 'tiny'): RunBackbone {
  const preprocessing = { ...lookupBackbone('pico-vit').preprocessing, inputSize: [3, side, side] as const };
  const config = { imageSize: [side, side], patchSize: 8, embedDim: 16, depth: 3, heads: 4, classes: 5 } as const;
  const model = initialize(createBackbone({ architecture: 'vit', config, preprocessing }), key(3));
  const weightsHash = async (): Promise<string> => weights;
  return { model, preprocessing, labels: undefined, name: 'tiny', source: 'tiny', weightsHash };
}

/** What a tiny run takes; a new backbone each time. */
export const tinyInputs = (): Pick<RunOptions, 'train' | 'test' | 'backbone'> => ({
  train: shades(12),
  test: shades(6, 'other shades'),
  backbone: tinyBackbone(),
});

/** All events of a run, and its record, if it came to an end. */
export async function collect(
  events: AsyncIterable<RunEvent>,
  seen: (event: RunEvent) => void = () => {},
): Promise<{ events: RunEvent[]; record: RunRecord | undefined }> {
  const all: RunEvent[] = [];
  for await (const event of events) {
    all.push(event);
    seen(event);
  }
  const last = all.at(-1);
  return { events: all, record: last?.type === 'done' ? last.record : undefined };
}
