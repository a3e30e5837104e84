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

  const vit = { architecture: 'vit_tiny_patch16_224' };
  const swin = { architecture: 'swin_tiny_patch4_window7_224' };

  test.each([
    [{ architecture: 'resnet50' }, /no backbone "resnet50"/],
    [{ ...vit, model_args: { qk_norm: true } }, /model_args: qk_norm is true; only false is supported/],
    [{ ...vit, model_args: { act_layer: 'relu' } }, /act_layer is "relu"; only "gelu"/],
    [{ ...vit, model_args: { surprise: 1 } }, /"surprise" not supported for a vit; known: img_size,/],
    [{ ...swin, model_args: { always_partition: true } }, /always_partition/],
    [{ ...vit, model_args: { depth: 'deep' } }, /model_args: depth should be an integer.*; it is "deep"/],
    [{ ...vit, model_args: { depth: 1e9 } }, /depth should be an integer from 1 to 128; it is 1000000000/],
    [
      { ...vit, model_args: { img_size: [1, 2, 3] } },
      /img_size should be a size or \[height, width\]; it is \[1, 2, 3\]/,
    ],
    [{ ...vit, model_args: { global_pool: 'max' } }, /global_pool should be one of token, avg; it is "max"/],
    [{ ...vit, global_pool: 'map' }, /config\.json: global_pool should be one of token, avg; it is "map"/],
    [{ ...swin, global_pool: '' }, /global_pool is ""; only "avg"/],
    [{ ...vit, model_args: [] }, /model_args should be a JSON object; it is \[\]/],
    [
      { ...vit, pretrained_cfg: { crop_mode: 'fold' } },
      /crop_mode should be one of center, squash, border; it is "fold"/,
    ],
    [{ ...vit, pretrained_cfg: { interpolation: 'cubic' } }, /pretrained_cfg\.interpolation should be one of bicubic,/],
    [{ ...vit, pretrained_cfg: { crop_pct: 1e-9 } }, /crop_pct should be a number from 0\.1 to 2; it is 1e-9/],
    [
      { ...vit, pretrained_cfg: { input_size: [3, 100000, 100000] } },
      /input_size\.1 should be .* to 4096; it is 100000/,
    ],
    [{ ...vit, pretrained_cfg: { input_size: [1, 224, 224] } }, /input_size\.0 should be 3, for red, green and blue/],
    [{ ...vit, pretrained_cfg: { mean: [0, Number.POSITIVE_INFINITY, 0] } }, /mean\.1 should be .*; it is Infinity/],
    [{ ...vit, pretrained_cfg: { std: [0.5, 0, 0.5] } }, /std\.1 should be a number from 0\.0001 .*; it is 0/],
    [{ ...vit, pretrained_cfg: { label_offset: 1 } }, /label_offset should be 0/],
    [{ ...vit, num_classes: 3, label_names: ['a', 'b'] }, /label_names has 2 names for 3 classes/],
    [{ ...vit, num_classes: 2, label_names: { 1: 'a', 2: 'b' } }, /numbers a class "2"; 2 classes are numbered 0 to 1/],
    [{ ...vit, num_classes: 2, label_names: ['a', 1] }, /label_names/],
    [{ architecture: '../../vit_tiny_patch16_224' }, /architecture should be a name of letters/],
    [{ architecture: 'vit_tiny_patch16_224./../../x' }, /architecture should be a name of letters/],
    [{ architecture: ['vit_tiny_patch16_224'] }, /architecture should be the name of an architecture/],
    [{}, /architecture is missing/],
    [[], /should be a JSON object/],
    [null, /should be a JSON object; it is null/],
  ])('%j is refused', (config, message) => {
    expect(() => describeTimm(config, 'config.json')).toThrow(message);
  });

  test('arguments that say what timm does anyway are accepted', () => {
    const args = { qk_norm: false, act_layer: 'gelu', in_chans: 3, fc_norm: null, drop_path_rate: 0.1 };
    expect(() => describeTimm({ ...vit, model_args: args }, 'config.json')).not.toThrow();
  });

  test('class names that do not fit are no obstacle to a new head', () => {
    const config = { ...vit, num_classes: 3, label_names: ['a', 'b'] };
    expect(describeTimm(config, 'config.json', true).labels).toBeUndefined();
  });

  test('pictures have the size of the model, and classes are those of pretrained_cfg', () => {
    const config = {
      ...vit,
      model_args: { img_size: 32 },
      pretrained_cfg: { input_size: [3, 64, 64], num_classes: 7 },
    };
    const { definition } = describeTimm(config, 'config.json');
    expect(definition).toMatchObject({ config: { classes: 7 }, preprocessing: { inputSize: [3, 32, 32] } });
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

  test('two classes may have one name, as two of ImageNet do', () => {
    const { labels } = describeTransformers({ ...vit, id2label: { 0: 'crane', 1: 'cat', 2: 'crane' } }, 'config.json');
    expect(labels).toEqual(['crane', 'cat', 'crane']);
  });

  test.each([
    [{ model_type: 'bert' }, false, /model_type "bert" is not supported/],
    [
      { ...vit, hidden_act: 'quick_gelu' },
      false,
      /hidden_act should be "gelu", which alone is supported; it is "quick_gelu"/,
    ],
    [{ model_type: 'dinov2', use_swiglu_ffn: true }, false, /use_swiglu_ffn/],
    [{ model_type: 'dinov2', architectures: ['Dinov2ForImageClassification'] }, false, /for a new head/],
    [{ model_type: 'swin', use_absolute_embeddings: true }, false, /use_absolute_embeddings/],
    [{ ...vit, id2label: { 1: 'cat', 2: 'dog', 3: 'owl' } }, false, /id2label numbers a class "3"/],
    [{ ...vit, num_labels: 2 }, false, /id2label has 3 names for 2 classes/],
    [{ ...vit, num_hidden_layers: 1e9 }, false, /num_hidden_layers should be an integer from 1 to 128/],
    [{ ...vit, image_size: [224, '224'] }, false, /image_size should be a size/],
    [{ ...vit, label2id: { cat: 'first' } }, false, /label2id\.cat should be an integer/],
    [{ ...vit, quantization_config: {} }, false, /quantization_config should be left out/],
  ])('%j is refused', (config, newHead, message) => {
    expect(() => describeTransformers(config, 'config.json', undefined, newHead)).toThrow(message);
  });

  test.each([
    [{ resample: 9 }, /resample should be an integer from 0 to 4; it is 9/],
    [{ image_mean: [0, 0] }, /preprocessor_config\.json: image_mean/],
    [{ image_std: 'none' }, /image_std should be a list of three numbers; it is "none"/],
    [{ size: { height: 1e9, width: 1e9 } }, /size/],
    [{ size: 224, do_center_crop: true, crop_size: 1 }, /a crop of 1 from 224 pixels keeps/],
    [{ do_resize: false }, /do_resize should be true/],
    [{ do_pad: true }, /do_pad should be false/],
    ['text', /preprocessor_config\.json should be a JSON object; it is "text"/],
  ])('a processor of %j is refused', (processor, message) => {
    expect(() => describeTransformers(vit, 'config.json', processor)).toThrow(message);
  });

  test('a processor of another model says what it does by its own name', () => {
    const config = { model_type: 'dinov2', image_size: 224 };
    const processor = { image_processor_type: 'ViTImageProcessor', size: { height: 224, width: 224 } };
    const { preprocessing } = describeTransformers(config, 'config.json', processor).definition;
    expect(preprocessing).toMatchObject({ cropMode: 'squash', cropPct: 1, interpolation: 'bilinear' });
  });

  test('the name is the last of a path, if it can stand in one', () => {
    const nameOf = (_name_or_path: string) => describeTransformers({ ...vit, _name_or_path }, 'config.json').name;
    expect(['google/vit-base', '/home/me/vit.v2', '../..', '', 'a\n'].map(nameOf)).toEqual([
      'vit-base',
      'vit.v2',
      'vit',
      'vit',
      'vit',
    ]);
  });

  test('a head that cannot be kept is no obstacle to a new one', () => {
    const config = { model_type: 'dinov2', architectures: ['Dinov2ForImageClassification'] };
    expect(() => describeTransformers(config, 'config.json', undefined, true)).not.toThrow();
  });
});
