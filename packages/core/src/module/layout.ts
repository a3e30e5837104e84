/**
 * How a file, in PyTorch's order, stores a parameter that is in TensorFlow's order in memory: permute the axes of the file's
 * tensor, then reshape.
 */
export interface FileLayout {
  readonly shape: readonly number[];
  readonly permutation: readonly number[];
}

/** Stored as it is. */
export const plainLayout = (shape: readonly number[]): FileLayout => ({
  shape,
  permutation: shape.map((_, axis) => axis),
});

/** `[in, out]` in memory, `[out, in]` in the file: `torch.nn.Linear`. */
export const linearLayout = (inFeatures: number, outFeatures: number): FileLayout => ({
  shape: [outFeatures, inFeatures],
  permutation: [1, 0],
});

/** `[height * width * in, out]` in memory, `[out, in, height, width]` in the file: a convolution as a matrix over patches. */
export const patchLayout = (inChannels: number, outChannels: number, height: number, width: number): FileLayout => ({
  shape: [outChannels, inChannels, height, width],
  permutation: [2, 3, 1, 0],
});

/** Input channels, height and width of a convolution's kernel. */
export type Kernel = readonly [channels: number, height: number, width: number];

/** The layout of a weight `[in, out]` of a linear module, or of a convolution if a kernel is given. */
export const weightLayout = (inFeatures: number, outFeatures: number, kernel?: Kernel): FileLayout =>
  kernel ? patchLayout(kernel[0], outFeatures, kernel[1], kernel[2]) : linearLayout(inFeatures, outFeatures);

/** Whether the file holds the transpose. */
export const isTransposed = ({ permutation }: FileLayout): boolean => String(permutation) === '1,0';

const isIdentity = (permutation: readonly number[]): boolean => permutation.every((axis, i) => axis === i);

const stridesOf = (shape: readonly number[]): number[] => {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
};

/** Transposes a matrix sixteen rows at a time, so that writes fill whole cache lines, four rows in each pass. */
function transposeMatrix(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  const band = 16;
  const whole = rows - (rows % 4);
  for (let top = 0; top < whole; top += band) {
    const bottom = Math.min(top + band, whole);
    for (let r = top; r < bottom; r += 4) {
      for (let c = 0; c < columns; c++) {
        const from = r * columns + c;
        const to = c * rows + r;
        result[to] = values[from]!;
        result[to + 1] = values[from + columns]!;
        result[to + 2] = values[from + 2 * columns]!;
        result[to + 3] = values[from + 3 * columns]!;
      }
    }
  }
  for (let r = whole; r < rows; r++) for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c]!;
  return result;
}

/** Permutes axes: axis `i` of the result is axis `permutation[i]` of `shape`. */
export function permute(values: Float32Array, shape: readonly number[], permutation: readonly number[]): Float32Array {
  if (isIdentity(permutation)) return values;
  if (shape.length === 2) return transposeMatrix(values, shape[0]!, shape[1]!);
  const strides = stridesOf(shape);
  const outShape = permutation.map(axis => shape[axis]!);
  const outStrides = permutation.map(axis => strides[axis]!);
  const result = new Float32Array(values.length);
  const index = outShape.map(() => 0);
  let source = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = values[source]!;
    for (let axis = outShape.length - 1; axis >= 0; axis--) {
      source += outStrides[axis]!;
      if (++index[axis]! < outShape[axis]!) break;
      source -= outStrides[axis]! * outShape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

export const fromFileOrder = (values: Float32Array, { shape, permutation }: FileLayout): Float32Array =>
  permute(values, shape, permutation);

export function toFileOrder(values: Float32Array, { shape, permutation }: FileLayout): Float32Array {
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return permute(
    values,
    permutation.map(axis => shape[axis]!),
    inverse,
  );
}
