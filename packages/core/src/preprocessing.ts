/** How a picture is resampled; the names are timm's and Pillow's. */
export type Interpolation = 'bicubic' | 'bilinear' | 'lanczos' | 'box' | 'nearest';

/** How a model wants its pictures: timm's `pretrained_cfg`, as in its evaluation transform. */
export interface Preprocessing {
  /** Channels, height and width: `[3, H, W]`. */
  readonly inputSize: readonly [channels: number, height: number, width: number];
  readonly interpolation: Interpolation;
  /** The part of the resized picture's side that the crop keeps: 224 / 0.9 is resized to 248. */
  readonly cropPct: number;
  /** `center` keeps the aspect and loses the edges, `squash` does not keep it, `border` keeps all and pads. */
  readonly cropMode: 'center' | 'squash' | 'border';
  /** By channel, for values in 0..1. */
  readonly mean: readonly [number, number, number];
  /** By channel, for values in 0..1. */
  readonly std: readonly [number, number, number];
}

/** Mean and standard deviation of ImageNet's training pictures, by channel, for values in 0..1. */
export const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
