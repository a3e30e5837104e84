import { type AdaptedModel, adapt, key, type Method, type MethodFactory, type Module } from '@peft/core';
import { heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { pear } from '@peft/pear';
import type { BatchSource, TrainEvent, Trainer } from '@peft/train';

/** The five methods, each as it would be used by itself on the tiny backbones; `heads`: what is trained whole. */
export const methods: Record<string, (heads: string[]) => Method> = {
  lora: modulesToSave => lora({ targets: ['attn.qkv[q,v]'], r: 2, modulesToSave }),
  neat: modulesToSave => neat({ r: 2, pairs: 1, modulesToSave }),
  lily: modulesToSave => lily({ r: 2, modulesToSave }),
  heat: modulesToSave => heat({ r: 2, ratio: 0.5, modulesToSave }),
  pear: modulesToSave => pear({ r: 2, targets: ['attn', 'mlp'], modulesToSave }),
};

export const factories: MethodFactory[] = [lora, neat, lily, heat, pear];

/** A model with adapters by name, in use all of them. */
export async function withAdapters(base: Module, adapters: Record<string, Method>): Promise<AdaptedModel> {
  const model = adapt(base);
  for (const [name, method] of Object.entries(adapters)) await model.add(name, method, { key: key(6) });
  return model;
}

/** Pictures whose class is their brightest channel, in batches of six. */
export const pictures = (batches = 4, side = 16): BatchSource => ({
  length: batches,
  size: [side, side],
  async *batches(epoch, skip = 0) {
    const size = side * side * 3;
    for (let b = skip; b < batches; b++) {
      const labels = Int32Array.from({ length: 6 }, (_, i) => (i + b + epoch) % 3);
      const images = Float32Array.from({ length: 6 * size }, (_, i) => {
        const bright = i % 3 === labels[Math.floor(i / size)] ? 1 : 0;
        return bright + 0.5 * Math.sin(7 * i + 31 * b + epoch);
      });
      yield { images, labels };
    }
  },
});

/** Runs to the end, or until a step is done. */
export async function run(trainer: Trainer, until = Number.POSITIVE_INFINITY): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainer.run()) {
    events.push(event);
    if (trainer.step >= until) break;
  }
  return events;
}

export const lossesOf = (events: TrainEvent[]): number[] =>
  events.flatMap(event => (event.type === 'step' ? [event.loss] : []));

export const stagesOf = (events: TrainEvent[]): string[] =>
  events.flatMap(event => (event.type === 'stage' ? [`${event.adapter} at ${event.step}`] : []));
