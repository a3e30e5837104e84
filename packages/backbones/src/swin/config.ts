/** A Swin transformer as plain data. Defaults are those of {@link swinTransformerDefaults}. */
export interface SwinTransformerConfig {
  /** Height and width of the pictures, in pixels. */
  imageSize: readonly [height: number, width: number];
  patchSize: number;
  /** Side of the attention windows, in tokens; a stage whose grid is smaller uses all of it. */
  windowSize: number;
  /** Features of the first stage; each later stage has twice those of the one before. */
  embedDim: number;
  /** Blocks of each stage. */
  depths: readonly number[];
  /** Attention heads of each stage. */
  heads: readonly number[];
  /** Hidden features of the MLP, as a multiple of the stage's features. */
  mlpRatio: number;
  qkvBias: boolean;
  /** Outputs of the head; 0 for no head, which gives features. */
  classes: number;
  /** The epsilon of the layer norms. */
  epsilon: number;
}

/** Swin-Tiny, as timm's `SwinTransformer` builds it. */
export const swinTransformerDefaults: Readonly<SwinTransformerConfig> = {
  imageSize: [224, 224],
  patchSize: 4,
  windowSize: 7,
  embedDim: 96,
  depths: [2, 2, 6, 2],
  heads: [3, 6, 12, 24],
  mlpRatio: 4,
  qkvBias: true,
  classes: 1000,
  epsilon: 1e-5,
};
