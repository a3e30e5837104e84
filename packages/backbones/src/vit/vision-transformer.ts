import { check, disposeModule, LayerNorm, type Linear, normal, Parameter, truncatedNormal } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { Backbone, linearHead } from '../backbone.ts';
import { moduleSegment, runSegments, type Segment } from '../segment.ts';
import { Block } from './block.ts';
import { type VisionTransformerConfig, visionTransformerDefaults } from './config.ts';
import { firstTokens, mapTokens } from './first-tokens.ts';
import { PatchEmbed } from './patch-embed.ts';

/** A learned token for every picture of the batch: `[1, n, D] -> [B, n, D]`. */
const repeat = (token: tf.Tensor, batch: number): tf.Tensor => tf.add(token, tf.zeros([batch, 1, 1])); // whose gradient is one sum, unlike that of tile

/**
 * Vision transformer (Dosovitskiy et al. 2020, arXiv 2010.11929) with the variations of DeiT (2012.12877), DeiT III
 * (2204.07118), DINOv2 (2304.07193) and registers (2309.16588), with timm's paths.
 */
export class VisionTransformer extends Backbone {
  readonly architecture = 'vit';
  readonly config: VisionTransformerConfig;
  readonly cls_token: Parameter | undefined;
  readonly dist_token: Parameter | undefined;
  readonly reg_token: Parameter | undefined;
  readonly pos_embed: Parameter;
  readonly patch_embed: PatchEmbed;
  readonly blocks: Block[];
  readonly norm: LayerNorm | undefined;
  readonly fc_norm: LayerNorm | undefined;
  head: Linear | undefined;
  head_dist: Linear | undefined;

  constructor(options: Partial<VisionTransformerConfig> = {}) {
    super();
    const config = { ...visionTransformerDefaults, ...options };
    check(
      config.globalPool === 'avg' || config.classToken,
      'bad-config',
      () => `globalPool "${config.globalPool}" needs a class token; set classToken or use globalPool "avg".`,
    );
    this.config = config;
    const { embedDim, epsilon } = config;
    const token = (count: number) => new Parameter([1, count, embedDim], normal(1e-6));
    this.patch_embed = new PatchEmbed(config.imageSize, config.patchSize, embedDim);
    this.cls_token = config.classToken ? token(1) : undefined;
    this.dist_token = config.distilled ? new Parameter([1, 1, embedDim], truncatedNormal(0.02)) : undefined;
    this.reg_token = config.registerTokens > 0 ? token(config.registerTokens) : undefined;
    const [rows, columns] = this.patch_embed.grid;
    this.pos_embed = new Parameter([1, this.embeddedPrefix + rows * columns, embedDim], truncatedNormal(0.02));
    this.blocks = Array.from({ length: config.depth }, () => new Block(config));
    const after = config.fcNorm ?? config.globalPool === 'avg';
    this.norm = after ? undefined : new LayerNorm(embedDim, epsilon);
    this.fc_norm = after ? new LayerNorm(embedDim, epsilon) : undefined;
    this.setHead(config.classes);
  }

  get classifiers(): readonly string[] {
    if (!this.head) return [];
    return this.head_dist ? ['head', 'head_dist'] : ['head'];
  }

  get imageSize(): readonly [number, number] {
    return this.config.imageSize;
  }

  get featureCount(): number {
    return this.config.embedDim;
  }

  get classes(): number {
    return this.head?.outFeatures ?? 0;
  }

  /** The number of tokens before those of the patches. */
  get prefixTokens(): number {
    const { classToken, distilled, registerTokens } = this.config;
    return Number(classToken) + Number(distilled) + registerTokens;
  }

  /** The number of those with a position in `pos_embed`. */
  get embeddedPrefix(): number {
    return this.config.embedPrefix ? this.prefixTokens : 0;
  }

  protected setHead(classes: number): void {
    for (const old of [this.head, this.head_dist]) if (old) disposeModule(old);
    this.head = linearHead(this.config.embedDim, classes);
    this.head_dist = this.config.distilled ? linearHead(this.config.embedDim, classes) : undefined;
  }

  /** Patches, prefix tokens and positions: the input of the first block, `[B, N, D]`. */
  embed(images: tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      const patches = this.patch_embed.call(images);
      const positions = this.pos_embed.value;
      const prefix = [this.cls_token, this.dist_token, this.reg_token].flatMap(token =>
        token ? [repeat(token.value, images.shape[0])] : [],
      );
      if (this.config.embedPrefix) return tf.add(tf.concat([...prefix, patches], 1), positions);
      return tf.concat([...prefix, tf.add(patches, positions)], 1);
    });
  }

  segments(): readonly Segment[] {
    return [...this.#pooledBody(), this.#heads()];
  }

  /** The tokens after the last block, normalized unless that follows pooling, `[B, N, D]`. */
  tokens(images: tf.Tensor): tf.Tensor {
    return tf.tidy(() => this.#normalize(runSegments(this.#body(), images)));
  }

  features(images: tf.Tensor): tf.Tensor {
    return tf.tidy(() => tf.mean(runSegments(this.#pooledBody(), images), 1));
  }

  #normalize(x: tf.Tensor): tf.Tensor {
    return this.norm ? this.norm.call(x) : x;
  }

  /** The number of first tokens that pooling reads; all if it averages the patches. */
  get #pooledTokens(): number | undefined {
    const { globalPool, distilled } = this.config;
    if (distilled) return 2;
    return globalPool === 'token' ? 1 : undefined;
  }

  /** All before the heads. The last block computes only what pooling reads. */
  #pooledBody(): Segment[] {
    return [...this.#body(mapTokens([this.norm]) ? this.#pooledTokens : undefined), this.#pooling()];
  }

  /** Embedding and blocks, for the first `count` of the tokens or for all. */
  #body(count?: number): Segment[] {
    const { patch_embed, cls_token, dist_token, reg_token, pos_embed } = this;
    const parameters = [cls_token, dist_token, reg_token, pos_embed].filter(parameter => parameter !== undefined);
    const embed: Segment = { name: 'embed', modules: [patch_embed], parameters, run: images => this.embed(images) };
    const segments = this.blocks.map(block => moduleSegment(block));
    const last = this.blocks.at(-1);
    if (last) segments[segments.length - 1] = { ...moduleSegment(last), run: x => last.first(x, count) };
    return [embed, ...segments];
  }

  /** Gives what each head sees, `[B, heads, D]`. */
  #pooling(): Segment {
    const { norm, fc_norm } = this;
    return {
      name: 'pool',
      modules: [norm, fc_norm].filter(module => module !== undefined),
      run: x => tf.tidy(() => this.#pool(this.#normalize(mapTokens([norm]) ? firstTokens(x, this.#pooledTokens) : x))),
    };
  }

  #pool(tokens: tf.Tensor): tf.Tensor {
    const count = this.#pooledTokens;
    const read = count
      ? firstTokens(tokens, count)
      : tf.mean(tf.slice(tokens, [0, this.prefixTokens, 0], [-1, -1, -1]), 1, true); // [B, count or 1, D]
    return this.fc_norm && !this.config.distilled ? this.fc_norm.call(read) : read;
  }

  /** The mean of the heads' logits, or of what they would see. */
  #heads(): Segment {
    const heads = this.head_dist ? [this.head, this.head_dist] : [this.head];
    return {
      name: 'head',
      modules: heads.filter(head => head !== undefined),
      run: pooled =>
        tf.tidy(() => {
          const logits = Array.from({ length: pooled.shape[1]! }, (_, i) => {
            const x = tf.squeeze(tf.slice(pooled, [0, i, 0], [-1, 1, -1]), [1]); // [B, D]
            return heads[i]?.call(x) ?? x;
          });
          const sum = logits.reduce((total, each) => tf.add(total, each));
          return logits.length > 1 ? tf.mul(sum, 1 / logits.length) : sum;
        }),
    };
  }
}
