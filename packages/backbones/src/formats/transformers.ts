import { check, PeftError } from '@peft/core';
import type { SwinTransformerConfig } from '../swin/config.ts';
import type { VisionTransformerConfig } from '../vit/config.ts';
import type { BackboneDefinition } from '../zoo/entry.ts';
import type { DescribedBackbone } from './described.ts';
import { Fields, labelsOf } from './fields.ts';
import { describeProcessor } from './processor.ts';

/** The head a file has, by the class of transformers that wrote it. */
type HeadKind = 'none' | 'one' | 'two';

function headKind(config: Fields): HeadKind {
  const architectures = config.has('architectures') ? labelsOf(config, 'architectures') : undefined;
  const [architecture = ''] = architectures ?? [];
  if (architecture.endsWith('WithTeacher')) return 'two';
  return architecture.endsWith('ForImageClassification') ? 'one' : 'none';
}

function readVit(config: Fields, usesHead: boolean): Partial<VisionTransformerConfig> {
  const type = config.string('model_type');
  config.only('hidden_act', 'gelu');
  config.only('num_channels', 3);
  const embedDim = config.number('hidden_size', 768);
  const dinov2 = type === 'dinov2';
  if (dinov2) config.only('use_swiglu_ffn', false);
  if (usesHead && type !== 'vit') {
    throw new PeftError(
      'not-supported',
      `${config.source}: the head of ${type === 'deit' ? 'DeiTForImageClassification' : 'Dinov2ForImageClassification'} ` +
        'sees other tokens than those here do. Open it with `classes`, for a new head.',
    );
  }
  return {
    imageSize: config.size('image_size', [224]),
    patchSize: config.number('patch_size', dinov2 ? 14 : 16),
    embedDim,
    depth: config.number('num_hidden_layers', 12),
    heads: config.number('num_attention_heads', 12),
    mlpRatio: dinov2 ? config.number('mlp_ratio', 4) : config.number('intermediate_size', 3072) / embedDim,
    qkvBias: config.boolean('qkv_bias', true),
    distilled: type === 'deit',
    layerScale: dinov2 ? config.number('layerscale_value', 1) : null,
    epsilon: config.number('layer_norm_eps', dinov2 ? 1e-6 : 1e-12),
  };
}

function readSwin(config: Fields): Partial<SwinTransformerConfig> {
  config.only('hidden_act', 'gelu');
  config.only('num_channels', 3);
  config.only('use_absolute_embeddings', false);
  return {
    imageSize: config.size('image_size', [224]),
    patchSize: config.number('patch_size', 4),
    windowSize: config.number('window_size', 7),
    embedDim: config.number('embed_dim', 96),
    depths: config.numbers('depths', [2, 2, 6, 2]),
    heads: config.numbers('num_heads', [3, 6, 12, 24]),
    mlpRatio: config.number('mlp_ratio', 4),
    qkvBias: config.boolean('qkv_bias', true),
    epsilon: config.number('layer_norm_eps', 1e-5),
  };
}

/** `LABEL_0`, `LABEL_1`, ... is what transformers writes for want of names. */
const isNamed = (labels: string[] | undefined): boolean => !labels?.every((label, i) => label === `LABEL_${i}`);

/**
 * Reads the `config.json` of transformers' folders (model types vit, deit, dinov2 and swin), and its
 * `preprocessor_config.json` if there is one.
 *
 * @param source the file's name, for errors
 * @param newHead whether the file's own head is not wanted
 */
export function describeTransformers(
  json: unknown,
  source: string,
  processor?: unknown,
  newHead = false,
): DescribedBackbone {
  const config = new Fields(json, source);
  const type = config.string('model_type');
  check(
    ['vit', 'deit', 'dinov2', 'swin'].includes(type),
    'not-supported',
    () => `${source}: model_type "${type}" is not supported; vit, deit, dinov2 and swin are.`,
  );
  const kind = headKind(config);
  const all = labelsOf(config, 'id2label');
  const classes = kind === 'none' ? 0 : (all?.length ?? 2);
  const labels = kind !== 'none' && isNamed(all) ? all : undefined;
  const name = config.has('_name_or_path') ? config.string('_name_or_path') : type;
  const preprocessing = describeProcessor(processor, type, config.size('image_size', [224]));
  const definition: BackboneDefinition =
    type === 'swin'
      ? { architecture: 'swin', config: { ...readSwin(config), classes }, preprocessing }
      : { architecture: 'vit', config: { ...readVit(config, kind === 'one' && !newHead), classes }, preprocessing };
  return { name: name || type, definition, labels };
}
