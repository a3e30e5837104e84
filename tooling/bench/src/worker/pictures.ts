/** The same pictures and labels in every contender: the sine of each index of `[B, H, W, 3]`, and classes in turn. */
export const makePictures = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Math.sin(i));

export const makeLabels = (batch: number, classes: number): Int32Array =>
  Int32Array.from({ length: batch }, (_, i) => i % classes);
