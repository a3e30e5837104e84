export { decodePicture, readPicture } from './decode.ts';
export { openDataset } from './open.ts';
export type { SplitOptions } from './source.ts';
