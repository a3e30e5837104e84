export { type DecodeOptions, decodePicture, readPicture } from './decode.ts';
export { listPictures } from './list-pictures.ts';
export { openDataset } from './open.ts';
export type { DatasetOptions } from './source.ts';
