import { imagenet as statistics } from '@peft/core';

const crop = { interpolation: 'bicubic', cropPct: 0.9, cropMode: 'center' } as const;

/** Maps values to -1..1, as in Google's ViTs. */
export const inception = { ...crop, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;

/** The statistics of ImageNet. */
export const imagenet = { ...crop, ...statistics } as const;
