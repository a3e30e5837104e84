import { describe, expect, test } from 'vitest';
import { describeTimm } from './timm.ts';
import { describeTransformers } from './transformers.ts';

describe('config.json of timm', () => {
  test('what differs from the architecture, and its pictures', () => {
    const { definition, labels } = describeTimm(
      {
        architecture: 'vit_small_patch14_reg4_dinov2',
        num_classes: 3,
        global_pool: 'avg',
        label_names: ['a', 'b', 'c'],
        model_args: { img_size: 70, init_values: 0.1, drop_path_rate: 0.2 },
        pretrained_cfg: { input_size: [3, 70, 70], crop_pct: 0.95, crop_mode: 'squash', interpolation: 'bilinear' },
      },
      'config.json',
    );
    expect(definition.config).toMatchObject({
      imageSize: [70, 70],
      patchSize: 14,
      registerTokens: 4,
      embedPrefix: false,
      layerScale: 0.1,
      classes: 3,
      globalPool: 'avg',
    });
    expect(definition.preprocessing).toMatchObject({
      inputSize: [3, 70, 70],
      cropPct: 0.95,
      cropMode: 'squash',
      interpolation: 'bilinear',
      mean: [0.485, 0.456, 0.406],
    });
    expect(labels).toEqual(['a', 'b', 'c']);
  });

  test.each([
    [{ architecture: 'resnet50' }, /no backbone "resnet50"/],
    [{ architecture: 'vit_tiny_patch16_224', model_args: { qk_norm: true } }, /qk_norm not supported for a vit/],
    [{ architecture: 'vit_tiny_patch16_224', model_args: { depth: 'deep' } }, /depth should be a number; it is "deep"/],
    [{ architecture: 'vit_tiny_patch16_224', pretrained_cfg: { crop_mode: 'fold' } }, /crop_mode is none of/],
    [[], /should be a JSON object/],
  ])('%j is refused', (config, message) => {
    expect(() => describeTimm(config, 'config.json')).toThrow(message);
  });
});

describe('config.json of transformers', () => {
  const vit = {
    model_type: 'vit',
    architectures: ['ViTForImageClassification'],
    id2label: { 0: 'cat', 1: 'dog', 2: 'owl' },
  };

  test('ViT, with what it leaves out', () => {
    const { definition, labels } = describeTransformers(vit, 'config.json');
    expect(definition.config).toMatchObject({ embedDim: 768, mlpRatio: 4, patchSize: 16, epsilon: 1e-12, classes: 3 });
    expect(definition.preprocessing).toEqual({
      inputSize: [3, 224, 224],
      interpolation: 'bilinear',
      cropPct: 1,
      cropMode: 'squash',
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
    });
    expect(labels).toEqual(['cat', 'dog', 'owl']);
  });

  test('a model without a head, and labels that are only numbered', () => {
    expect(describeTransformers({ ...vit, architectures: ['ViTModel'] }, 'config.json')).toMatchObject({
      definition: { config: { classes: 0 } },
      labels: undefined,
    });
    const numbered = { ...vit, id2label: { 0: 'LABEL_0', 1: 'LABEL_1' } };
    expect(describeTransformers(numbered, 'config.json').labels).toBeUndefined();
  });

  test('the crop of a processor keeps its share of the picture', () => {
    const processor = {
      do_center_crop: true,
      crop_size: { height: 224, width: 224 },
      size: { shortest_edge: 256 },
      resample: 3,
      image_mean: [0.485, 0.456, 0.406],
      image_std: [0.229, 0.224, 0.225],
    };
    const config = { model_type: 'dinov2', hidden_size: 384, num_attention_heads: 6, image_size: 518 };
    const { preprocessing } = describeTransformers(config, 'config.json', processor).definition;
    expect(preprocessing).toMatchObject({
      inputSize: [3, 518, 518],
      cropPct: 0.875,
      cropMode: 'center',
      interpolation: 'bicubic',
    });
  });

  test.each([
    [{ model_type: 'bert' }, false, /model_type "bert" is not supported/],
    [{ ...vit, hidden_act: 'quick_gelu' }, false, /hidden_act is "quick_gelu"; only "gelu"/],
    [{ model_type: 'dinov2', use_swiglu_ffn: true }, false, /use_swiglu_ffn/],
    [{ model_type: 'dinov2', architectures: ['Dinov2ForImageClassification'] }, false, /for a new head/],
    [{ model_type: 'swin', use_absolute_embeddings: true }, false, /use_absolute_embeddings/],
  ])('%j is refused', (config, newHead, message) => {
    expect(() => describeTransformers(config, 'config.json', undefined, newHead)).toThrow(message);
  });

  test('a head that cannot be kept is no obstacle to a new one', () => {
    const config = { model_type: 'dinov2', architectures: ['Dinov2ForImageClassification'] };
    expect(() => describeTransformers(config, 'config.json', undefined, true)).not.toThrow();
  });
});
