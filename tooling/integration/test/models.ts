import { type AdaptedModel, adapt, key, type Method, type MethodFactory, type Module } from '@peft/core';
import { heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { pear } from '@peft/pear';
import { brightestChannel, type PictureSource } from '@peft/testing';

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

/** Batches of pictures of 16 x 16. */
export const pictures = (batches = 4): PictureSource => brightestChannel({ batches, noise: 0.5 });
