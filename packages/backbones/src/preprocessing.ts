/** The preprocessing of pictures for a backbone, as in timm's evaluation transform. */
export interface Preprocessing {
  /** Channels, height, width. */
  readonly inputSize: readonly [number, number, number];
  readonly interpolation: 'bicubic' | 'bilinear' | 'lanczos' | 'box' | 'nearest';
  /** The shorter side is resized to size / cropPct before the crop. */
  readonly cropPct: number;
  readonly cropMode: 'center' | 'squash' | 'border';
  /** By channel, for values in 0..1. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

const crop = { interpolation: 'bicubic', cropPct: 0.9, cropMode: 'center' } as const;

/** Maps values to -1..1, as in Google's ViTs. */
export const inception = { ...crop, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;

/** The statistics of ImageNet. */
export const imagenet = { ...crop, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
