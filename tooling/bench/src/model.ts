import { type BackboneDefinition, createBackbone, lookupBackbone } from '@peft/backbones';
import type { Method } from '@peft/core';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import type { TorchModel, Work } from './work.ts';

/** The layers of a target that share one A, and the experts, of Lily on both sides. */
const lilySharing = { stride: 6, experts: 2 } as const;

/** The backbone with the work's depth. */
export function definitionOf({ backbone, depth }: Pick<Work, 'backbone' | 'depth'>): BackboneDefinition {
  const definition = lookupBackbone(backbone);
  if (depth === undefined || definition.architecture === 'swin') return definition;
  return { ...definition, config: { ...definition.config, depth } };
}

/** Our method. Lily mixes its experts by batch, as Hugging Face peft does. */
export function makeMethod({ method, rank, targets }: Work, heads: readonly string[]): Method {
  const options = { r: rank, targets: [...targets], modulesToSave: [...heads] };
  if (method === 'lora') return lora({ ...options, alpha: rank });
  if (method === 'neat') return neat(options);
  return lily({ ...options, compat: 'lily-v3', stride: lilySharing.stride, nB: lilySharing.experts });
}

/** The method that is the same in Hugging Face peft, and its options. */
function peftConfig({ method, rank }: Work): Pick<TorchModel, 'peft' | 'config'> {
  if (method === 'lora') return { peft: 'LoraConfig', config: { r: rank, lora_alpha: rank } };
  if (method === 'neat') return { peft: 'PeanutConfig', config: { r: rank, depth: 0, act_fn: 'relu' } };
  return { peft: 'LilyConfig', config: { r: rank, stride_A: lilySharing.stride, num_B: lilySharing.experts } };
}

/** How timm and Hugging Face peft build what the work describes. */
export function torchModel(work: Work): TorchModel {
  const model = createBackbone(definitionOf(work), { imageSize: work.imageSize });
  const { peft, config } = peftConfig(work);
  const adapted = { ...config, target_modules: work.targets, modules_to_save: model.classifiers };
  const classes = { num_classes: model.classes };
  if (model.architecture === 'swin') return { model: work.backbone, args: classes, peft, config: adapted };
  const { patchSize, embedDim, depth, heads } = model.config;
  const args = { ...classes, img_size: model.imageSize[0], patch_size: patchSize, embed_dim: embedDim, depth };
  return { model: 'vit_base_patch16_224', args: { ...args, num_heads: heads }, peft, config: adapted };
}
