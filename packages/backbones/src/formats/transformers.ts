import { check, type JsonObject, quote } from '@peft/core';
import * as v from 'valibot';
import type { SwinTransformerConfig } from '../swin/config.ts';
import type { VisionTransformerConfig } from '../vit/config.ts';
import type { BackboneDefinition } from '../zoo/entry.ts';
import type { DescribedBackbone } from './described.ts';
import { labelNames, orderLabels } from './labels.ts';
import { describeProcessor } from './processor.ts';
import {
  classes,
  count,
  depth,
  epsilon,
  features,
  flag,
  heads,
  object,
  parse,
  patchSize,
  ratio,
  size,
  stages,
  text,
  windowSize,
  within,
} from './schema.ts';

const types = ['vit', 'deit', 'dinov2', 'swin'] as const;

/** The one value that is supported of a field that changes what is computed. */
/* @__NO_SIDE_EFFECTS__ */
const only = <const T extends string | number | boolean>(value: T) =>
  v.nullish(v.literal(value, `${quote(value)}, which alone is supported`));

/** The fields that `config.json` can have for every model type. */
const common = object({
  model_type: text,
  architectures: v.nullish(v.array(text, 'a list of class names')),
  _name_or_path: v.nullish(text),
  id2label: v.nullish(labelNames),
  label2id: v.nullish(v.record(v.string(), classes, 'numbers by class name')),
  num_labels: v.nullish(classes),
  image_size: v.nullish(size, 224),
  hidden_act: only('gelu'),
  num_channels: only(3),
  quantization_config: v.nullish(v.undefined('left out: quantized weights are not supported')),
});

const vit = object({
  patch_size: v.nullish(patchSize),
  hidden_size: v.nullish(features, 768),
  num_hidden_layers: v.nullish(depth, 12),
  num_attention_heads: v.nullish(heads, 12),
  intermediate_size: v.nullish(count(1, 65_536 * 16), 3072),
  qkv_bias: v.nullish(flag, true),
  layer_norm_eps: v.nullish(epsilon),
  mlp_ratio: v.nullish(ratio, 4),
  layerscale_value: v.nullish(within(-1e6, 1e6), 1),
  use_swiglu_ffn: only(false),
});

const swin = object({
  patch_size: v.nullish(patchSize, 4),
  window_size: v.nullish(windowSize, 7),
  embed_dim: v.nullish(features, 96),
  depths: v.nullish(stages(1, 128), [2, 2, 6, 2]),
  num_heads: v.nullish(stages(1, 1024), [3, 6, 12, 24]),
  mlp_ratio: v.nullish(ratio, 4),
  qkv_bias: v.nullish(flag, true),
  layer_norm_eps: v.nullish(epsilon, 1e-5),
  use_absolute_embeddings: only(false),
});

/** The head a file has, by the class of transformers that wrote it. */
type HeadKind = 'none' | 'one' | 'two';

function headKind([architecture = '']: readonly string[]): HeadKind {
  if (architecture.endsWith('WithTeacher')) return 'two';
  return architecture.endsWith('ForImageClassification') ? 'one' : 'none';
}

function readVit(json: unknown, type: string, usesHead: boolean, source: string): Partial<VisionTransformerConfig> {
  const config = parse(vit, json, source);
  const isDinov2 = type === 'dinov2';
  check(!usesHead || type === 'vit', 'not-supported', () => {
    const written = type === 'deit' ? 'DeiTForImageClassification' : 'Dinov2ForImageClassification';
    return `${source}: the head of ${written} sees other tokens than those here do. Open it with \`classes\`, for a new head.`;
  });
  return {
    patchSize: config.patch_size ?? (isDinov2 ? 14 : 16),
    embedDim: config.hidden_size,
    depth: config.num_hidden_layers,
    heads: config.num_attention_heads,
    mlpRatio: isDinov2 ? config.mlp_ratio : config.intermediate_size / config.hidden_size,
    qkvBias: config.qkv_bias,
    distilled: type === 'deit',
    layerScale: isDinov2 ? config.layerscale_value : null,
    epsilon: config.layer_norm_eps ?? (isDinov2 ? 1e-6 : 1e-12),
  };
}

function readSwin(json: unknown, source: string): Partial<SwinTransformerConfig> {
  const config = parse(swin, json, source);
  return {
    patchSize: config.patch_size,
    windowSize: config.window_size,
    embedDim: config.embed_dim,
    depths: config.depths,
    heads: config.num_heads,
    mlpRatio: config.mlp_ratio,
    qkvBias: config.qkv_bias,
    epsilon: config.layer_norm_eps,
  };
}

/** `LABEL_0`, `LABEL_1`, ... is what transformers writes for want of names. */
const isNamed = (labels: readonly string[]): boolean => !labels.every((label, i) => label === `LABEL_${i}`);

/** The last part of a repository's name or a path, if it can stand in a path itself. */
const nameOf = (path: string, type: string): string => /(?:^|[/\\])(\w[\w-]*(?:\.[\w-]+)*)$/.exec(path)?.[1] ?? type;

/**
 * Reads the `config.json` of transformers' folders (model types vit, deit, dinov2 and swin), and its
 * `preprocessor_config.json` if there is one.
 *
 * @param source the file's name, for errors
 * @param newHead whether the file's own head is not wanted: class names that do not fit it are left out then
 * @throws PeftError `bad-config` that names the field, `not-supported` for what would make another model
 */
export function describeTransformers(
  json: unknown,
  source: string,
  processor?: unknown,
  newHead = false,
): DescribedBackbone {
  const config = parse(common, json, source);
  const { model_type: type, image_size: imageSize } = config;
  const isKnown = types.some(known => known === type);
  check(
    isKnown,
    'not-supported',
    () => `${source}: model_type ${quote(type)} is not supported; ${types.join(', ')} are.`,
  );
  const kind = headKind(config.architectures ?? []);
  const named = config.id2label && Object.keys(config.id2label).length;
  const classes = kind === 'none' ? 0 : (config.num_labels ?? named ?? 2);
  const labels = kind === 'none' ? undefined : orderLabels(config.id2label, classes, `${source}: id2label`, newHead);
  const preprocessing = describeProcessor(processor, type, imageSize);
  const shared = { imageSize, classes };
  const definition: BackboneDefinition =
    type === 'swin'
      ? { architecture: 'swin', config: { ...readSwin(json, source), ...shared }, preprocessing }
      : {
          architecture: 'vit',
          config: { ...readVit(json, type, kind === 'one' && !newHead, source), ...shared },
          preprocessing,
        };
  return {
    name: nameOf(config._name_or_path ?? '', type),
    definition,
    labels: labels && isNamed(labels) ? labels : undefined,
    files: { format: 'transformers', config: json as JsonObject, processor: processor as JsonObject | undefined },
  };
}
