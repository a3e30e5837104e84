import type { Embedded } from './protocol.ts';

/** Whether a backbone comes with the page. */
export const isEmbedded = (name: string): name is Embedded => name === 'pico-vit' || name === 'pico-swin';
