import type { Naming, Rename } from './naming.ts';

const embeddings: readonly Rename[] = [
  ['cls_token', 'embeddings.cls_token'],
  ['dist_token', 'embeddings.distillation_token'],
  ['pos_embed', 'embeddings.position_embeddings'],
  ['patch_embed.proj', 'embeddings.patch_embeddings.projection'],
  ['norm', 'layernorm'],
];

const oldAttention: readonly Rename[] = [
  [
    'blocks.{i}.attn.qkv',
    [
      'encoder.layer.{i}.attention.attention.query',
      'encoder.layer.{i}.attention.attention.key',
      'encoder.layer.{i}.attention.attention.value',
    ],
  ],
  ['blocks.{i}.attn.proj', 'encoder.layer.{i}.attention.output.dense'],
];

const vitOld: readonly Rename[] = [
  ...embeddings,
  ...oldAttention,
  ['blocks.{i}.norm1', 'encoder.layer.{i}.layernorm_before'],
  ['blocks.{i}.norm2', 'encoder.layer.{i}.layernorm_after'],
  ['blocks.{i}.mlp.fc1', 'encoder.layer.{i}.intermediate.dense'],
  ['blocks.{i}.mlp.fc2', 'encoder.layer.{i}.output.dense'],
];

const vitNew: readonly Rename[] = [
  ...embeddings,
  [
    'blocks.{i}.attn.qkv',
    ['layers.{i}.attention.q_proj', 'layers.{i}.attention.k_proj', 'layers.{i}.attention.v_proj'],
  ],
  ['blocks.{i}.attn.proj', 'layers.{i}.attention.o_proj'],
  ['blocks.{i}.norm1', 'layers.{i}.layernorm_before'],
  ['blocks.{i}.norm2', 'layers.{i}.layernorm_after'],
  ['blocks.{i}.mlp.fc1', 'layers.{i}.mlp.fc1'],
  ['blocks.{i}.mlp.fc2', 'layers.{i}.mlp.fc2'],
];

const dinov2Blocks: readonly Rename[] = [
  ...embeddings,
  ['blocks.{i}.norm1', 'encoder.layer.{i}.norm1'],
  ['blocks.{i}.norm2', 'encoder.layer.{i}.norm2'],
  ['blocks.{i}.ls1.gamma', 'encoder.layer.{i}.layer_scale1.lambda1'],
  ['blocks.{i}.ls2.gamma', 'encoder.layer.{i}.layer_scale2.lambda1'],
  ['blocks.{i}.mlp.fc1', 'encoder.layer.{i}.mlp.fc1'],
  ['blocks.{i}.mlp.fc2', 'encoder.layer.{i}.mlp.fc2'],
];

const dinov2New: readonly Rename[] = [
  ...dinov2Blocks,
  [
    'blocks.{i}.attn.qkv',
    ['encoder.layer.{i}.attention.q_proj', 'encoder.layer.{i}.attention.k_proj', 'encoder.layer.{i}.attention.v_proj'],
  ],
  ['blocks.{i}.attn.proj', 'encoder.layer.{i}.attention.o_proj'],
];

const classifier: readonly Rename[] = [['head', 'classifier']];

const teacher: readonly Rename[] = [
  ['head', 'cls_classifier'],
  ['head_dist', 'distillation_classifier'],
];

const transformers = { prefixes: ['vit.', 'deit.', ''], prefixedHeads: false } as const;
const transformersDinov2 = { prefixes: ['dinov2.', ''], prefixedHeads: false } as const;
const transformersTeacher = { prefixes: ['deit.', ''], prefixedHeads: false } as const;

/**
 * How files name a vision transformer: timm; transformers, which saves its old names on disk whatever its version; and
 * the names its modules have had since 5.9.
 */
export const vitNamings: readonly Naming[] = [
  {
    id: 'timm',
    prefixes: ['', 'timm_model.'],
    prefixedHeads: true,
    body: [['{path}', '{path}']],
    heads: [
      ['head', 'head'],
      ['head_dist', 'head_dist'],
    ],
  },
  { id: 'hf', ...transformers, body: vitOld, heads: classifier },
  { id: 'hf-5.9', ...transformers, body: vitNew, heads: classifier },
  { id: 'hf-distilled', ...transformersTeacher, body: vitOld, heads: teacher },
  { id: 'hf-distilled-5.9', ...transformersTeacher, body: vitNew, heads: teacher },
  { id: 'hf-dinov2', ...transformersDinov2, body: [...dinov2Blocks, ...oldAttention], heads: classifier },
  { id: 'hf-dinov2-5.9', ...transformersDinov2, body: dinov2New, heads: classifier },
];
