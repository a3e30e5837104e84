import { kernelBuilds } from '#kernels';
import { withSharedMemory } from './shared-memory.ts';

type Address = number;

/** The exports of `assembly/index.ts`. */
export interface KernelExports {
  scratchBytes(): number;
  setScratch(address: Address): void;
  gemm(
    m: number,
    n: number,
    k: number,
    a: Address,
    strideA: number,
    transposeA: boolean,
    b: Address,
    strideB: number,
    transposeB: boolean,
    c: Address,
    strideC: number,
    alpha: number,
    d: Address,
    strideD: number,
  ): void;
  /** What `multiplyRounded` and what packs for it take: see {@link dotOffsetOf}. */
  dotOffset(): number;
  packedBytes(k: number, n: number): number;
  packWeight(values: Address, k: number, n: number, offset: number, to: Address): void;
  turnPacked(from: Address, k: number, n: number, offset: number, to: Address): void;
  multiplyRounded(
    m: number,
    n: number,
    k: number,
    x: Address,
    factors: Address,
    weight: Address,
    columnScales: Address,
    bias: Address,
    y: Address,
    offset: number,
  ): void;
  softmax(x: Address, y: Address, rows: number, n: number): void;
  softmaxGrad(p: Address, dp: Address, dx: Address, rows: number, n: number): void;
  softmaxCrossEntropy(logits: Address, target: Address, loss: Address, p: Address, rows: number, n: number): void;
  layerNorm(
    x: Address,
    gamma: Address,
    beta: Address,
    epsilon: number,
    y: Address,
    mean: Address,
    inverseStd: Address,
    rows: number,
    n: number,
  ): void;
  layerNormGrad(
    dy: Address,
    x: Address,
    gamma: Address,
    mean: Address,
    inverseStd: Address,
    dx: Address,
    rows: number,
    n: number,
  ): void;
  gelu(x: Address, y: Address, count: number, tanh: boolean): void;
  geluGrad(dy: Address, x: Address, dx: Address, count: number, tanh: boolean): void;
  add(a: Address, b: Address, y: Address, count: number): void;
  moveRows(from: Address, to: Address, count: number, ...sizesThenFromStepsThenToSteps: number[]): void;
  fill(to: Address, count: number, bits: number): void;
  transpose(from: Address, to: Address, batch: number, rows: number, columns: number): void;
  segmentSum(x: Address, ids: Address, y: Address, rows: number, n: number, segments: number): void;
}

const decode = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), c => c.charCodeAt(0));

/**
 * A module that uses relaxed SIMD, if this runtime has it. Node 20 has it behind a V8 flag, which is set only while the
 * module is compiled.
 */
async function compileRelaxed(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module | undefined> {
  if (WebAssembly.validate(bytes)) return WebAssembly.compile(bytes);
  const v8 = globalThis.process?.getBuiltinModule?.('node:v8');
  if (!v8) return undefined;
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
  try {
    return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;
  } finally {
    v8.setFlagsFromString('--no-experimental-wasm-relaxed-simd');
  }
}

/**
 * How the kernels multiply numbers of 8 bits here. By dot products only where relaxed SIMD needs no flag: behind it, V8 11.3 spoils
 * registers in them.
 */
export const dotOffsetOf = ({ dotOffset }: KernelExports): number =>
  WebAssembly.validate(decode(kernelBuilds.relaxedSimd)) ? dotOffset() : -1;

/**
 * Compiles the kernels, with fused multiply-add where this machine's WebAssembly has relaxed SIMD.
 *
 * @param shared whether they run in shared memory
 */
export async function compileKernels(shared: boolean): Promise<WebAssembly.Module> {
  const bytesOf = (base64: string) => (shared ? withSharedMemory(decode(base64)) : decode(base64));
  const relaxed = await compileRelaxed(bytesOf(kernelBuilds.relaxedSimd));
  return relaxed ?? WebAssembly.compile(bytesOf(kernelBuilds.simd));
}
