export { type BatchSourceOptions, batchSource, type DatasetSource } from './batch-source.ts';
export { type BatchOptions, batches, type IndexedBatch } from './batches.ts';
export { type BlobPool, blobPool, type PictureWorker } from './blob-pool.ts';
export { checkPreprocessing } from './check-preprocessing.ts';
export {
  concat,
  type Dataset,
  type Labeled,
  type LeftOut,
  type PictureDataset,
  type Preparation,
  subset,
  type TensorDataset,
} from './dataset.ts';
export { datasetHash, digestOf, hashedBytes, type IdentifiedDataset, identify } from './dataset-hash.ts';
export { checkBlob, type DecodeBlobOptions, decodeBlob } from './decode-blob.ts';
export { headBytes, isHeic } from './formats/sniff.ts';
export { checkPixels, defaultMaxPixels } from './limits.ts';
export { countShared } from './overlap.ts';
export { type Color, centerCrop, crop, flipHorizontal, fromGray, type Picture, pad } from './picture.ts';
export { relabel } from './relabel.ts';
export { leftOutRemark, remarks } from './remarks.ts';
export { resize } from './resample.ts';
export { defaultSplitSeed, type Parts, stratifiedSplit } from './split.ts';
export { type SplitName, splitOf } from './split-name.ts';
export {
  type FileClasses,
  type TensorFile,
  type TensorFileOptions,
  tensorFileDataset,
  tensorFileOf,
} from './tensor-file.ts';
export { type Normalization, normalizer, type Transform, type TransformRecipe } from './transform.ts';
export { evalTransform } from './transforms/eval.ts';
export { flipCropTransform } from './transforms/flip-crop.ts';
