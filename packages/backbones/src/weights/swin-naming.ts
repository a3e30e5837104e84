import type { Naming, Rename } from './naming.ts';

const shared: readonly Rename[] = [
  ['patch_embed.proj', 'embeddings.patch_embeddings.projection'],
  ['patch_embed.norm', 'embeddings.norm'],
  ['layers.{i}.downsample.norm', 'encoder.layers.{i-1}.downsample.norm'],
  ['layers.{i}.downsample.reduction', 'encoder.layers.{i-1}.downsample.reduction'],
  ['layers.{i}.blocks.{j}.norm1', 'encoder.layers.{i}.blocks.{j}.layernorm_before'],
  ['layers.{i}.blocks.{j}.norm2', 'encoder.layers.{i}.blocks.{j}.layernorm_after'],
  ['norm', 'layernorm'],
];

const transformersOld: readonly Rename[] = [
  ...shared,
  [
    'layers.{i}.blocks.{j}.attn.qkv',
    [
      'encoder.layers.{i}.blocks.{j}.attention.self.query',
      'encoder.layers.{i}.blocks.{j}.attention.self.key',
      'encoder.layers.{i}.blocks.{j}.attention.self.value',
    ],
  ],
  [
    'layers.{i}.blocks.{j}.attn.relative_position_bias_table',
    'encoder.layers.{i}.blocks.{j}.attention.self.relative_position_bias_table',
  ],
  ['layers.{i}.blocks.{j}.attn.proj', 'encoder.layers.{i}.blocks.{j}.attention.output.dense'],
  ['layers.{i}.blocks.{j}.mlp.fc1', 'encoder.layers.{i}.blocks.{j}.intermediate.dense'],
  ['layers.{i}.blocks.{j}.mlp.fc2', 'encoder.layers.{i}.blocks.{j}.output.dense'],
];

const transformersNew: readonly Rename[] = [
  ...shared,
  [
    'layers.{i}.blocks.{j}.attn.qkv',
    [
      'encoder.layers.{i}.blocks.{j}.attention.q_proj',
      'encoder.layers.{i}.blocks.{j}.attention.k_proj',
      'encoder.layers.{i}.blocks.{j}.attention.v_proj',
    ],
  ],
  [
    'layers.{i}.blocks.{j}.attn.relative_position_bias_table',
    'encoder.layers.{i}.blocks.{j}.attention.relative_position_bias.relative_position_bias_table',
  ],
  ['layers.{i}.blocks.{j}.attn.proj', 'encoder.layers.{i}.blocks.{j}.attention.o_proj'],
  ['layers.{i}.blocks.{j}.mlp.fc1', 'encoder.layers.{i}.blocks.{j}.mlp.fc1'],
  ['layers.{i}.blocks.{j}.mlp.fc2', 'encoder.layers.{i}.blocks.{j}.mlp.fc2'],
];

/**
 * How files name a Swin transformer: timm; Microsoft and timm before 0.9, where a stage ends with its merging; and
 * transformers, which saves its old names on disk whatever its version.
 */
export const swinNamings: readonly Naming[] = [
  {
    id: 'timm',
    prefixes: ['', 'timm_model.'],
    prefixedHeads: true,
    body: [['{path}', '{path}']],
    heads: [['head.fc', 'head.fc']],
  },
  {
    id: 'microsoft',
    prefixes: [''],
    prefixedHeads: true,
    body: [
      ['layers.{i}.downsample.{path}', 'layers.{i-1}.downsample.{path}'],
      ['{path}', '{path}'],
    ],
    heads: [['head.fc', 'head']],
  },
  {
    id: 'hf',
    prefixes: ['swin.', ''],
    prefixedHeads: false,
    body: transformersOld,
    heads: [['head.fc', 'classifier']],
  },
  {
    id: 'hf-5.9',
    prefixes: ['swin.', ''],
    prefixedHeads: false,
    body: transformersNew,
    heads: [['head.fc', 'classifier']],
  },
];
