import { check } from '@peft/core';

/** `W ~ left right`, with the singular values shared evenly: left `[rows, r]`, right `[r, columns]`, row-major. */
export interface LowRankApproximation {
  left: Float32Array;
  right: Float32Array;
  /** The r largest singular values, in falling order. */
  singularValues: number[];
}

type Matrix = { readonly rows: number; readonly columns: number; readonly data: Float64Array };

const matrix = (rows: number, columns: number, data = new Float64Array(rows * columns)): Matrix => ({
  rows,
  columns,
  data,
});

/** `a b`, or `a^T b`. */
function multiply(a: Matrix, b: Matrix, transposed = false): Matrix {
  const rows = transposed ? a.columns : a.rows;
  const inner = transposed ? a.rows : a.columns;
  const result = matrix(rows, b.columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = transposed ? a.data[k * a.columns + i]! : a.data[i * a.columns + k]!;
      if (factor === 0) continue;
      for (let j = 0; j < b.columns; j++) result.data[i * b.columns + j]! += factor * b.data[k * b.columns + j]!;
    }
  }
  return result;
}

/** Makes the columns orthonormal, in place (modified Gram-Schmidt, twice for accuracy). */
function orthonormalize({ rows, columns, data }: Matrix): void {
  const dot = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += data[i * columns + a]! * data[i * columns + b]!;
    return sum;
  };
  for (let j = 0; j < columns; j++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < j; k++) {
        const projection = dot(k, j);
        for (let i = 0; i < rows; i++) data[i * columns + j]! -= projection * data[i * columns + k]!;
      }
    }
    const length = Math.sqrt(dot(j, j)) || 1;
    for (let i = 0; i < rows; i++) data[i * columns + j]! /= length;
  }
}

/** Eigenvalues and eigenvectors (columns) of a small symmetric matrix, largest first (cyclic Jacobi). */
function symmetricEigen({ rows: n, data }: Matrix): { values: number[]; vectors: Matrix } {
  const a = Float64Array.from(data);
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += a[p * n + q]! ** 2;
    if (off < 1e-30) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q);
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j]! - a[i * n + i]!);
  const vectors = matrix(n, n);
  for (const [j, from] of order.entries()) for (let i = 0; i < n; i++) vectors.data[i * n + j] = v[i * n + from]!;
  return { values: order.map(i => a[i * n + i]!), vectors };
}

function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const pq = a[p * n + q]!;
  if (Math.abs(pq) < 1e-300) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * pq);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const [kp, kq] = [a[k * n + p]!, a[k * n + q]!];
    a[k * n + p] = c * kp - s * kq;
    a[k * n + q] = s * kp + c * kq;
  }
  for (let k = 0; k < n; k++) {
    const [pk, qk] = [a[p * n + k]!, a[q * n + k]!];
    a[p * n + k] = c * pk - s * qk;
    a[q * n + k] = s * pk + c * qk;
    const [vp, vq] = [v[k * n + p]!, v[k * n + q]!];
    v[k * n + p] = c * vp - s * vq;
    v[k * n + q] = s * vp + c * vq;
  }
}

/**
 * The best approximation of rank r (Eckart and Young 1936), by subspace iteration on `W^T W` with the small problem solved
 * exactly. Deterministic; signs of singular vectors are arbitrary, as everywhere.
 *
 * @param weight `[rows, columns]`, row-major
 */
export function principalFactors(weight: Float32Array, rows: number, columns: number, r: number): LowRankApproximation {
  check(
    r <= Math.min(rows, columns),
    'bad-config',
    () => `A [${rows}, ${columns}] weight has no factors of rank ${r}.`,
  );
  const w = matrix(rows, columns, Float64Array.from(weight));
  const width = Math.min(columns, rows, 2 * r + 8);
  const gram = multiply(w, w, true); // [columns, columns]
  let basis = matrix(columns, width);
  for (let i = 0; i < basis.data.length; i++)
    basis.data[i] = Math.sin(1 + 12.9898 * i) + (i % width === i / width ? 1 : 0);
  let previous = 0;
  for (let iteration = 0; iteration < 300; iteration++) {
    orthonormalize(basis);
    const { values, vectors } = symmetricEigen(multiply(basis, multiply(gram, basis), true));
    basis = multiply(basis, vectors);
    const captured = values.slice(0, r).reduce((sum, value) => sum + value, 0);
    if (Math.abs(captured - previous) <= 1e-14 * captured) break;
    previous = captured;
    if (iteration < 299) basis = multiply(gram, basis);
  }
  orthonormalize(basis);
  const projected = multiply(w, basis); // W V = U S, [rows, width]
  const { values, vectors } = symmetricEigen(multiply(projected, projected, true));
  const us = multiply(projected, vectors);
  const v = multiply(basis, vectors);
  const singularValues = values.slice(0, r).map(value => Math.sqrt(Math.max(value, 0)));
  const left = new Float32Array(rows * r);
  const right = new Float32Array(r * columns);
  for (const [k, value] of singularValues.entries()) {
    const root = Math.sqrt(value) || 1;
    for (let i = 0; i < rows; i++) left[i * r + k] = us.data[i * width + k]! / root;
    for (let j = 0; j < columns; j++) right[k * columns + j] = v.data[j * width + k]! * root;
  }
  return { left, right, singularValues };
}
