/** A vision transformer as plain data. Defaults are those of {@link visionTransformerDefaults}. */
export interface VisionTransformerConfig {
  /** Height and width of the pictures, in pixels. */
  imageSize: readonly [height: number, width: number];
  patchSize: number;
  embedDim: number;
  depth: number;
  heads: number;
  /** Hidden features of the MLP, as a multiple of `embedDim`. */
  mlpRatio: number;
  qkvBias: boolean;
  /** Outputs of the head; 0 for no head, which gives features. */
  classes: number;
  /** The input of the head: the class token, or the mean of the patch tokens. */
  globalPool: 'token' | 'avg';
  classToken: boolean;
  registerTokens: number;
  /** A second token and head, as DeiT was distilled; the logits are the mean of the two heads. */
  distilled: boolean;
  /** Whether the position embedding covers the class and register tokens too. */
  embedPrefix: boolean;
  /** The initial value of layer scale; `null` for none. */
  layerScale: number | null;
  /** Normalize after pooling instead of before; `null` for the usual: when pooling by mean. */
  fcNorm: boolean | null;
  /** The epsilon of the layer norms. */
  epsilon: number;
}

/** ViT-Base, patch 16, as timm's `VisionTransformer` builds it. */
export const visionTransformerDefaults: Readonly<VisionTransformerConfig> = {
  imageSize: [224, 224],
  patchSize: 16,
  embedDim: 768,
  depth: 12,
  heads: 12,
  mlpRatio: 4,
  qkvBias: true,
  classes: 1000,
  globalPool: 'token',
  classToken: true,
  registerTokens: 0,
  distilled: false,
  embedPrefix: true,
  layerScale: null,
  fcNorm: null,
  epsilon: 1e-6,
};
