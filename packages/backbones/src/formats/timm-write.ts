import { check, type JsonObject } from '@peft/core';
import { swinTransformerDefaults } from '../swin/config.ts';
import { SwinTransformer } from '../swin/swin-transformer.ts';
import { visionTransformerDefaults } from '../vit/config.ts';
import { picoArchitectures } from '../zoo/pico.ts';
import { lookupBackbone } from '../zoo/zoo.ts';
import type { SavedModel } from './saved-model.ts';
import { writeArguments } from './timm-arguments.ts';

/** Fields about the origin of the old weights, which are dropped. */
const ofOtherWeights = ['url', 'file', 'hf_hub_id', 'hf_hub_filename', 'source', 'custom_load', 'label_offset'];

/** Fields for the old picture size, which are dropped if it differs. */
const ofOtherSizes = ['test_input_size', 'min_input_size', 'pool_size', 'test_pool_size', 'test_crop_pct'];

const without = (object: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));

const asObject = (value: unknown): JsonObject => (value ?? {}) as JsonObject;

/** timm's name of an architecture: tags name weights, and so does what once was a suffix. */
const architectureOf = (name: string): string =>
  picoArchitectures[name] ?? name.replace(/\..*$/, '').replace(/_in2[12]k$/, '');

/** timm's `config.json` of a model: the fields of its original file that still hold. */
export function writeTimm(before: JsonObject, { model, labels, preprocessing }: SavedModel): JsonObject {
  const { architecture: name, num_classes, num_features, global_pool, model_args, pretrained_cfg, ...rest } = before;
  const architecture = architectureOf(String(name));
  const { inputSize, interpolation, cropPct, cropMode, mean, std } = preprocessing;
  const isSwin = model instanceof SwinTransformer;
  const defaults = isSwin ? swinTransformerDefaults : visionTransformerDefaults;
  const options = { ...model.config, classes: model.classes };
  const usual = { ...defaults, ...lookupBackbone(architecture).config };
  check(
    options.epsilon === usual.epsilon,
    'not-supported',
    () => `timm's ${architecture} has layer norms of epsilon ${usual.epsilon}; this model has ${options.epsilon}.`,
  );
  const args = writeArguments(options, asObject(model_args), usual, model.architecture) as JsonObject;
  const pretrained = pretrained_cfg ? asObject(pretrained_cfg) : rest;
  const stale = String(pretrained.input_size) === String(inputSize) ? [] : ofOtherSizes;
  const names = ['label_names', 'labels', 'label_descriptions'];
  return {
    architecture,
    num_classes: model.classes,
    num_features: model.featureCount,
    global_pool: isSwin ? 'avg' : model.config.globalPool,
    ...(labels && { label_names: [...labels] }),
    ...(Object.keys(args).length > 0 && { model_args: args }),
    pretrained_cfg: {
      ...without(pretrained, [...ofOtherWeights, ...stale, ...names]),
      input_size: [...inputSize],
      fixed_input_size: true,
      interpolation,
      crop_pct: cropPct,
      crop_mode: cropMode,
      mean: [...mean],
      std: [...std],
      num_classes: model.classes,
      classifier: model.classifiers.length > 1 ? [...model.classifiers] : (model.classifiers[0] ?? null),
      first_conv: 'patch_embed.proj',
    },
    ...(pretrained_cfg ? without(rest, names) : {}),
  };
}
