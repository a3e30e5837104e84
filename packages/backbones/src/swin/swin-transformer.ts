import { check, disposeModule, LayerNorm, type Linear, Module } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { Backbone, linearHead } from '../backbone.ts';
import { moduleSegment, runSegments, type Segment } from '../segment.ts';
import { PatchEmbed } from '../vit/patch-embed.ts';
import { type SwinTransformerConfig, swinTransformerDefaults } from './config.ts';
import { SwinStage } from './stage.ts';

/** The head of a model that pools before it: `fc`, if there are classes. */
class ClassifierHead extends Module {
  fc: Linear | undefined;

  constructor(features: number, classes: number) {
    super();
    this.fc = linearHead(features, classes);
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.fc ? this.fc.call(x) : x;
  }
}

/** Swin transformer (Liu et al. 2021, arXiv 2103.14030), with timm's paths. */
export class SwinTransformer extends Backbone {
  readonly architecture = 'swin';
  readonly config: SwinTransformerConfig;
  readonly patch_embed: PatchEmbed;
  readonly layers: SwinStage[];
  readonly norm: LayerNorm;
  readonly head: ClassifierHead;

  constructor(options: Partial<SwinTransformerConfig> = {}) {
    super();
    const config = { ...swinTransformerDefaults, ...options };
    check(
      config.depths.length === config.heads.length,
      'bad-config',
      () => `depths [${config.depths}] and heads [${config.heads}] must name the same stages.`,
    );
    this.config = config;
    const { embedDim, epsilon } = config;
    this.patch_embed = new PatchEmbed(config.imageSize, config.patchSize, embedDim, new LayerNorm(embedDim, epsilon));
    this.layers = config.depths.map((depth, index) => {
      return new SwinStage(index, this.patch_embed.grid, { depth, heads: config.heads[index]! }, config);
    });
    this.norm = new LayerNorm(this.featureCount, epsilon);
    this.head = new ClassifierHead(this.featureCount, config.classes);
  }

  get classifiers(): readonly string[] {
    return this.head.fc ? ['head.fc'] : [];
  }

  get imageSize(): readonly [number, number] {
    return this.config.imageSize;
  }

  get featureCount(): number {
    return this.config.embedDim * 2 ** (this.config.depths.length - 1);
  }

  get classes(): number {
    return this.head.fc?.outFeatures ?? 0;
  }

  protected setHead(classes: number): void {
    disposeModule(this.head);
    this.head.fc = linearHead(this.featureCount, classes);
  }

  segments(): readonly Segment[] {
    return [...this.#body(), this.#pooling(), moduleSegment(this.head)];
  }

  /** The tokens after the last stage, normalized, `[B, H, W, C]`. */
  tokens(images: tf.Tensor): tf.Tensor {
    return tf.tidy(() => this.norm.call(runSegments(this.#body(), images)));
  }

  features(images: tf.Tensor): tf.Tensor {
    return runSegments([...this.#body(), this.#pooling()], images);
  }

  #body(): Segment[] {
    const embed: Segment = { name: 'embed', modules: [this.patch_embed], run: images => this.#embed(images) };
    return [embed, ...this.layers.flatMap(stage => stage.segments())];
  }

  #embed(images: tf.Tensor): tf.Tensor {
    const [rows, columns] = this.patch_embed.grid;
    const embedded = this.patch_embed.call(images); // [B, N, C]
    return tf.reshape(embedded, [images.shape[0], rows, columns, this.config.embedDim]);
  }

  #pooling(): Segment {
    return { name: 'pool', modules: [this.norm], run: x => tf.tidy(() => tf.mean(this.norm.call(x), [1, 2])) };
  }
}
