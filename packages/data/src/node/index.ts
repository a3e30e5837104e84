export { type DecodeOptions, decodePicture, readPicture } from './decode.ts';
export { listPictures, type Pictures } from './list-pictures.ts';
export { openDataset } from './open.ts';
export type { ReadOptions } from './picture-files.ts';
export type { DatasetOptions, SplitOptions } from './source.ts';
